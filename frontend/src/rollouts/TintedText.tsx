import { memo } from "react";
import { classes } from "@/ui/classes";
import type { Block } from "./blocks";
import type { Range } from "./diff";
import styles from "./TintedText.module.css";
import { levelOf, type PlacedTokens, piecesOfBlock, type Tint, type TokenTint } from "./tokens";

interface TintedTextProps {
  block: Block;
  tokens: PlacedTokens;
  tint: TokenTint;
  /** What was looked for, and which of it one is at. */
  found: readonly Range[];
  here: Range | undefined;
}

/** A block's tokens, each on the shade of its number. */
export const TintedText = memo(function TintedText(props: TintedTextProps) {
  const { block, tokens, tint, found, here } = props;
  const values = tokens.told[tint];
  let end = block.from;
  return piecesOfBlock(block, tokens).map(({ index, text }) => {
    const from = end;
    end += text.length;
    const touches = ([start, stop]: Range) => start < end && stop > from;
    return (
      <span
        key={index}
        data-token={index}
        data-here={(here && touches(here)) || undefined}
        className={classes(
          shade(levelOf(tint, values?.[index])),
          found.some(touches) && styles.found,
        )}
      >
        {text}
      </span>
    );
  });
});

/** The class that colours a level from −8 to 8. */
export function shade(level: number): string | undefined {
  if (level === 0) return styles.token;
  return `${styles.token} ${styles[`${level > 0 ? "up" : "down"}${Math.abs(level)}`]}`;
}

/** The class around what is coloured, which gives the shades their colours. */
export function tintClass(tint: Tint): string | undefined {
  return tint === "none" ? undefined : styles[tint];
}
