import { classes } from "@/ui/classes";
import { Skeleton } from "@/ui/Skeleton";
import styles from "./RunsTable.module.css";

const WIDTHS = [64, 120, 80, 96, 112, 40, 48, 48, 40, 56, 48];
const CELLS = [
  styles.state,
  styles.name,
  styles.preset,
  styles.step,
  styles.reward,
  styles.pass,
  styles.speed,
  styles.duration,
  styles.cost,
  styles.owner,
  styles.created,
];

/** The list before its first answer: lines in their places. */
export function RunsSkeleton() {
  return (
    <div role="status" aria-label="Loading the runs" className="panel">
      <div className={styles.table}>
        <div className={classes(styles.row, styles.head)} />
        {Array.from({ length: 12 }, (_, line) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
          <div key={line} className={classes(styles.row, styles.waiting)}>
            <span className={styles.select} />
            {CELLS.map((cell, index) => (
              <span key={cell} className={cell}>
                <Skeleton width={WIDTHS[index]} />
              </span>
            ))}
            <span className={styles.actions} />
          </div>
        ))}
      </div>
    </div>
  );
}
