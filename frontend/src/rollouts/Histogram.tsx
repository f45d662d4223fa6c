import type { CSSProperties } from "react";
import type { TabProps } from "@/run/RunPage";
import { Select } from "@/ui/Field";
import { formatNumber, plural } from "@/ui/format";
import { conditionsOfBin, fieldsOf, numberFields, without, wordsOf } from "./conditions";
import styles from "./Histogram.module.css";
import { type Bin, useHistogram } from "./queries";

interface HistogramProps extends Pick<TabProps, "run" | "address" | "go"> {
  parts: readonly string[];
}

/** How often each value of a field comes; a click on a bar asks for those completions only. */
export function Histogram({ run, address, go, parts }: HistogramProps) {
  const { where, histogram: field } = address;
  const others = without(where, field); // all values stay in sight, to choose another
  const { data } = useHistogram(run.id, field, others);
  const bins = data?.bins ?? [];
  const most = Math.max(1, ...bins.map(({ count }) => count));
  const choose = (bin: Bin, isLast: boolean) => {
    const own = conditionsOfBin(field, bin, isLast);
    const isOn = own.every((text) => where.includes(text));
    go({ where: isOn ? others : [...others, ...own] });
  };
  const fields = numberFields(fieldsOf(parts));
  return (
    <div className={styles.histogram} style={{ "--bins": bins.length } as CSSProperties}>
      <Select
        aria-label="Field of the histogram"
        value={field}
        options={(fields.includes(field) ? fields : [...fields, field]).map((each) => ({
          value: each,
          label: wordsOf(each),
        }))}
        onChange={(histogram) => go({ histogram })}
      />
      <fieldset className={styles.bins}>
        <legend className="visually-hidden">Histogram of {wordsOf(field)}</legend>
        {bins.map((bin, place) => {
          const isLast = place === bins.length - 1;
          const own = conditionsOfBin(field, bin, isLast);
          const words = `${rangeOf(bin)}: ${plural(bin.count, "completion")}`;
          return (
            <button
              key={bin.low}
              type="button"
              aria-label={words}
              title={words}
              aria-pressed={own.every((text) => where.includes(text))}
              className={styles.bin}
              onClick={() => choose(bin, isLast)}
            >
              <span
                className={styles.fill}
                style={{ height: bin.count === 0 ? 0 : `max(2px, ${(bin.count / most) * 100}%)` }}
              />
            </button>
          );
        })}
      </fieldset>
      <p className={styles.ends} aria-hidden>
        <span>{formatNumber(bins[0]?.low)}</span>
        {data && data.missing > 0 && <span>{plural(data.missing, "completion")} without</span>}
        <span>{formatNumber(bins.at(-1)?.high)}</span>
      </p>
    </div>
  );
}

function rangeOf({ low, high }: Bin): string {
  return low === high ? formatNumber(low) : `${formatNumber(low)} to ${formatNumber(high)}`;
}
