import { useRef } from "react";
import { classes } from "@/ui/classes";
import { Skeleton } from "@/ui/Skeleton";
import { useWidth } from "@/ui/useWidth";
import { columnsWith, fitting, tracks } from "./columns";
import styles from "./RunsTable.module.css";

const COLUMNS = columnsWith([]);

/** The list before its first answer: lines in their places. */
export function RunsSkeleton() {
  const frame = useRef<HTMLDivElement>(null);
  const columns = fitting(COLUMNS, useWidth(frame));
  return (
    <div role="status" aria-label="Loading the runs" className="panel">
      <div ref={frame} className={styles.table} style={tracks(columns)}>
        <div className={classes(styles.row, styles.head)} />
        {Array.from({ length: 12 }, (_, line) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
          <div key={line} className={classes(styles.row, styles.waiting)}>
            <span className={styles.select} />
            {columns.map(({ meta }) => (
              <span key={meta?.sort} className={meta?.className}>
                <Skeleton width={(meta?.width ?? 0) * 0.8} />
              </span>
            ))}
            <span className={styles.actions} />
          </div>
        ))}
      </div>
    </div>
  );
}
