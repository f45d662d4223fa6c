import { classes } from "@/ui/classes";
import { AXIS_WORDS } from "./axisWords";
import styles from "./ChartCard.module.css";
import type { ChartSpec, LineSpec } from "./catalogue";
import { useChartGroup } from "./group";
import { columnOf, type PlotData, type Value } from "./plotData";
import { toggled } from "./view";

interface LegendProps {
  spec: ChartSpec;
  data: PlotData;
  cursor: number | null;
}

/** Each line's name, which hides or shows it, with its value under the cursor. */
export function Legend({ spec, data, cursor }: LegendProps) {
  const { clock } = useChartGroup();
  const place = cursor === null ? undefined : data.x[cursor];
  return (
    <span className={styles.legend}>
      {place !== undefined && <span>{AXIS_WORDS[clock.axis].place(place)}</span>}
      {(spec.lines.length > 1 || place !== undefined) &&
        spec.lines.map((line) => (
          <Entry
            key={line.series}
            line={line}
            alone={spec.lines.length === 1}
            value={cursor === null ? undefined : lastBefore(columnOf(data, line.label), cursor)}
            format={spec.format}
          />
        ))}
    </span>
  );
}

interface EntryProps {
  line: LineSpec;
  alone: boolean;
  value: Value;
  format: ChartSpec["format"];
}

function Entry({ line, alone, value, format }: EntryProps) {
  const { view, onView } = useChartGroup();
  const hidden = view.hidden.includes(line.series);
  const shown = value !== undefined && <strong>{written(value, format)}</strong>;
  if (alone) return <span className={styles.entry}>{shown}</span>;
  return (
    <button
      type="button"
      className={classes(styles.entry, styles.hides, hidden && styles.hidden)}
      aria-pressed={!hidden}
      title={hidden ? `Show ${line.label}` : `Hide ${line.label}`}
      onClick={() => onView({ hidden: toggled(view.hidden, line.series) })}
    >
      <span
        className={classes(
          styles.swatch,
          styles[`series${line.colour}`],
          line.dash && styles.dashed,
        )}
        aria-hidden
      />
      {line.label}
      {shown}
    </button>
  );
}

/** A value in the chart's own format; what is no number by its name. */
export function written(value: number, format: ChartSpec["format"]): string {
  if (Number.isFinite(value)) return format(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
}

/** The value at the cursor, or the one measured last before it. */
function lastBefore(column: readonly Value[], at: number): Value {
  for (let index = Math.min(at, column.length - 1); index >= 0; index--) {
    const value = column[index];
    if (value !== undefined) return value;
  }
  return undefined;
}
