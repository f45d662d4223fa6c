import styles from "./Skeleton.module.css";

interface SkeletonProps {
  width?: number | string;
  height?: number | string;
}

/** Stands where a value will be, in its size. */
export function Skeleton({ width = "100%", height = 12 }: SkeletonProps) {
  return <span aria-hidden className={styles.skeleton} style={{ width, height }} />;
}

/** A few lines of it, said once to screen readers. */
export function SkeletonLines({ lines, height = 36 }: { lines: number; height?: number }) {
  return (
    <div role="status" aria-label="Loading" className={styles.lines}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity
        <Skeleton key={line} height={height} />
      ))}
    </div>
  );
}
