import type { ReactNode } from "react";
import { classes } from "./classes";
import styles from "./table.module.css";

interface TableProps {
  /** Whether it stands alone on its page, with a frame of its own. */
  panel?: boolean;
  children: ReactNode;
}

/** A table that scrolls sideways where the page is too narrow for it, by key too. */
export function Table({ panel, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key
    <div className={classes(styles.scroll, panel && "panel")} tabIndex={0}>
      <table className={styles.table}>{children}</table>
    </div>
  );
}
