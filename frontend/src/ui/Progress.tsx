import styles from "./Progress.module.css";

interface ProgressProps {
  value: number;
  max: number;
  label: string;
}

/** A thin bar. */
export function Progress({ value, max, label }: ProgressProps) {
  const share = max > 0 ? Math.min(1, Math.max(0, value / max)) : 0;
  return (
    <span
      role="progressbar"
      aria-label={label}
      aria-valuenow={value}
      aria-valuemin={0}
      aria-valuemax={max}
      className={styles.track}
    >
      <span className={styles.bar} style={{ transform: `scaleX(${share})` }} />
    </span>
  );
}
