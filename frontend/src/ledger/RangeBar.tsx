import styles from "./ledger.module.css";

export interface Range {
  low: number;
  mid: number;
  high: number;
}

interface RangeBarProps {
  range: Range;
  /** At the right end. */
  most: number;
}

const [WIDTH, HEIGHT, PAD] = [240, 16, 6];

/** An estimate as a dot with its error bar, from nothing to `most`; its figures stand beside it. */
export function RangeBar({ range, most }: RangeBarProps) {
  const at = (value: number) => PAD + (most > 0 ? value / most : 0) * (WIDTH - 2 * PAD);
  const [low, mid, high] = [at(range.low), at(range.mid), at(range.high)];
  const middle = HEIGHT / 2;
  return (
    <svg className={styles.range} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden>
      <line className={styles.ground} x1={PAD} x2={WIDTH - PAD} y1={middle} y2={middle} />
      <path d={`M${low} 3V13M${low} ${middle}H${high}M${high} 3V13`} />
      <circle cx={mid} cy={middle} r={4} />
    </svg>
  );
}
