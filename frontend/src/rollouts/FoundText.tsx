import { classes } from "@/ui/classes";
import type { Block } from "./blocks";
import { markedPieces, type Range } from "./diff";
import styles from "./FoundText.module.css";

interface FoundTextProps {
  block: Block;
  /** Those that the block has part in. */
  found: readonly Range[];
  here: Range | undefined;
}

/** A block as the model wrote it, with what was looked for marked in it. */
export function FoundText({ block, found, here }: FoundTextProps) {
  let end = block.from;
  return markedPieces(block.text, block.from, found).map(({ text, isMarked }) => {
    const from = end;
    end += text.length;
    if (!isMarked) return text;
    const isHere = here !== undefined && from >= here[0] && from < here[1];
    return (
      <mark
        key={from}
        data-here={isHere || undefined}
        className={classes(styles.found, isHere && styles.here)}
      >
        {text}
      </mark>
    );
  });
}
