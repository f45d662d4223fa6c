import { AXIS_WORDS } from "@/charts/axisWords";
import styles from "@/charts/ChartCard.module.css";
import type { ChartSpec } from "@/charts/catalogue";
import { written } from "@/charts/Legend";
import { columnOf, type Value } from "@/charts/plotData";
import { plural } from "@/ui/format";
import type { LookedEntry } from "./entries";
import type { Overlay } from "./overlay";
import { useCompareGroup } from "./plotGroup";
import { Swatch } from "./RunLegend";

/** Values that there is room for beside a title. */
const MOST = 3;

interface CursorWordsProps {
  spec: ChartSpec;
  data: Overlay;
  entries: readonly LookedEntry[];
  cursor: number | null;
  focused: string | null;
}

/** The place of the cursor, and what the line there has: the one that stands out, or the few there are. */
export function CursorWords({ spec, data, entries, cursor, focused }: CursorWordsProps) {
  const { clock } = useCompareGroup();
  const place = cursor === null ? undefined : data.x[cursor];
  if (place === undefined || cursor === null) return <span className={styles.legend} />;
  const standing = entries.filter(({ label }) => label === focused);
  const told = standing.length > 0 || entries.length > MOST ? standing : entries;
  return (
    <span className={styles.legend}>
      <span>{AXIS_WORDS[clock.axis].place(place)}</span>
      {told.map((entry) => {
        const at = nearestValue(columnOf(data, entry.label), cursor);
        const runs = at && data.runs.get(entry.label)?.get(data.x[at.index] as number);
        return (
          <span key={entry.label} className={styles.entry}>
            <Swatch look={entry.look} />
            {entry.label}
            {at && <strong>{written(at.value, spec.format)}</strong>}
            {runs !== undefined && ` of ${plural(runs as number, "run")}`}
          </span>
        );
      })}
    </span>
  );
}

/** The value at the cursor, or the one measured last before it. */
function nearestValue(column: readonly Value[], cursor: number) {
  for (let index = Math.min(cursor, column.length - 1); index >= 0; index--) {
    const value = column[index];
    if (value !== undefined) return { index, value };
  }
  return undefined;
}
