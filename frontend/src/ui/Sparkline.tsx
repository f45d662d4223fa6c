import styles from "./Sparkline.module.css";

interface SparklineProps {
  values: readonly (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

/** A line without axes, scaled to its own range. */
export function Sparkline({ values, label, width = 72, height = 20 }: SparklineProps) {
  return (
    <svg role="img" aria-label={label} width={width} height={height} className={styles.spark}>
      <path d={sparklinePath(values, width, height)} />
    </svg>
  );
}

/** SVG path through the finite values; the pen lifts over the others. */
export function sparklinePath(
  values: readonly (number | null)[],
  width: number,
  height: number,
): string {
  const finite = values.filter((value): value is number => Number.isFinite(value));
  if (finite.length < 2) return "";
  const low = Math.min(...finite);
  const span = Math.max(...finite) - low || 1;
  const step = (width - 2) / (values.length - 1);
  let pen = "M";
  let path = "";
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      pen = "M";
      return;
    }
    const y = height - 2 - ((value - low) / span) * (height - 4);
    path += `${pen}${(1 + index * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}
