import { formatPercent } from "@/ui/format";
import type { SafetyShare } from "./queries";
import styles from "./SafetyPanel.module.css";
import { countWords, intervalWords } from "./words";

interface ShareCellProps {
  share: SafetyShare;
  of: "safety" | "over_refusal";
}

/** A share with its interval, as figures and as a mark on a line from 0 to 100 %. */
export function ShareCell({ share, of }: ShareCellProps) {
  const { share: value, low, high } = share;
  return (
    <td className={styles.share} title={countWords(share, of)}>
      {formatPercent(value, 0)}
      {value !== null && low !== null && high !== null && (
        <>
          <span className={styles.track} aria-hidden>
            <span className={styles.range} style={span(low, high)} />
            <span className={styles.mark} style={{ left: percent(value) }} />
          </span>
          <span className={styles.interval}>{intervalWords(share)}</span>
        </>
      )}
    </td>
  );
}

function span(low: number, high: number) {
  return { left: percent(low), width: percent(high - low) };
}

function percent(share: number): string {
  return `${share * 100}%`;
}
