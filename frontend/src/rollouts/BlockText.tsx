import { classes } from "@/ui/classes";
import styles from "./BlockText.module.css";
import type { Block } from "./blocks";
import { MathText } from "./MathText";

interface BlockTextProps {
  block: Block;
  /** In place of the text, where its tokens are coloured. */
  children?: React.ReactNode;
}

/** A piece of a completion: prose with its formulas set, or code. Never markup. */
export function BlockText({ block, children }: BlockTextProps) {
  const { kind, isCode, isFirst, isOpen, language, text } = block;
  const Words = isCode ? "pre" : "div";
  return (
    <div className={classes(styles.part, styles[kind])}>
      <span className={styles.tag}>{isFirst && kind !== "text" && kind}</span>
      <Words
        dir={isCode ? "ltr" : "auto"}
        title={isCode ? language || undefined : undefined}
        className={classes(styles.words, isCode && styles.code)}
      >
        {children ?? (isCode ? text : <MathText text={text} />)}
        {isOpen && <span className={styles.open}> …not closed</span>}
      </Words>
    </div>
  );
}
