import { formatDeviceHours, formatDuration } from "@/ui/format";
import styles from "./ledger.module.css";
import { type Range, RangeBar } from "./RangeBar";
import { formatMicros } from "./sums";

interface RangesProps {
  seconds: Range;
  hours: Range;
  micros: Range;
  currency: string;
  assumptions: readonly string[];
}

/** An estimate of time, device-hours and money, each with its error bar, and what they rest on. */
export function Ranges({ seconds, hours, micros, currency, assumptions }: RangesProps) {
  const rows: [string, Range, (value: number) => string][] = [
    ["Time", seconds, formatDuration],
    ["Device-hours", hours, formatDeviceHours],
    ["Cost", micros, (value) => formatMicros(value, currency)],
  ];
  return (
    <>
      <dl className={styles.ranges}>
        {rows.map(([name, range, words]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <RangeBar range={range} most={range.high} />
              <strong>{words(range.mid)}</strong>
              <span className="muted">
                {words(range.low)} to {words(range.high)}
              </span>
            </dd>
          </div>
        ))}
      </dl>
      <ul className={styles.assumptions}>
        {assumptions.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </>
  );
}
