import { Skeleton } from "@/ui/Skeleton";
import overview from "./OverviewTab.module.css";
import styles from "./RunPage.module.css";

/** The page before its first data, in its final layout. */
export function RunPageSkeleton() {
  return (
    <div role="status" aria-label="Loading the run" className={styles.page}>
      <Skeleton width={280} height={32} />
      <Skeleton height={20} />
      <Skeleton height={36} />
      <div className={overview.columns}>
        <div className={overview.charts}>
          {[262, 262, 202, 202, 202, 202].map((height, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the cards have no identity
            <div key={place} className={place < 2 ? overview.wide : undefined}>
              <Skeleton height={height} />
            </div>
          ))}
        </div>
        <Skeleton height={640} />
      </div>
    </div>
  );
}
