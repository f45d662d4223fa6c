import { useEffect } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { ChartToolbar } from "@/charts/ChartToolbar";
import { type ChartSpec, RUN_CHARTS, seriesChart } from "@/charts/catalogue";
import { AXES, type Axis } from "@/charts/clock";
import { helpOf } from "@/charts/seriesHelp";
import type { View } from "@/charts/view";
import { Button } from "@/ui/Button";
import styles from "./ChartsTab.module.css";
import { CompareChart } from "./CompareChart";
import { useComparePage } from "./page";
import { PlotGroupProvider, usePlotGroup } from "./plotGroup";

/** Every series over the others, those that an expert asks for first at the top. */
export function ChartsTab() {
  const { address, go, fields, store } = useComparePage();
  const names = fields.comparison.series.map(({ name }) => name);
  const axes = axesOf(
    names,
    fields.comparison.runs.some((run) => run.holds.some((h) => h.usd_per_hour > 0)),
  );
  const axis = axes.includes(address.axis) ? address.axis : "step";
  useEffect(() => (axis === "tokens" ? store.need(["tokens/total"]) : undefined), [store, axis]);
  const group = usePlotGroup(axis);
  const { first, others } = compareCharts(names);
  // Places on one axis mean nothing on another.
  const change = (part: Partial<View>) => go(part.axis ? { ...part, zoom: null } : part);
  return (
    <PlotGroupProvider value={group}>
      <div className={styles.tab}>
        <ChartToolbar address={address} go={change} axes={axes} axis={axis} whole={group.whole} />
        <div className={styles.charts}>
          {first.map((spec) => (
            <ChartCard key={spec.id} spec={spec} Body={CompareChart} />
          ))}
        </div>
        {others.length > 0 && (
          <Button aria-expanded={address.more} onClick={() => go({ more: !address.more })}>
            {address.more ? "Hide" : "Show"} {others.length} more series
          </Button>
        )}
        {address.more && (
          <div className={styles.charts}>
            {others.map((name) => (
              <ChartCard key={name} spec={seriesChart(name)} Body={CompareChart} />
            ))}
          </div>
        )}
      </div>
    </PlotGroupProvider>
  );
}

/** Tokens where they were counted, cost where there is a price. */
function axesOf(names: readonly string[], costs: boolean): Axis[] {
  return AXES.filter((axis) => {
    if (axis === "tokens") return names.includes("tokens/total");
    return axis !== "cost" || costs;
  });
}

/** A chart for each series: of the catalogue's charts the first line, then all others by name. */
export function compareCharts(names: readonly string[]): { first: ChartSpec[]; others: string[] } {
  const first = RUN_CHARTS.filter(
    ({ stacked, lines }) => !stacked && names.includes(lines[0]?.series ?? ""),
  ).map(compared);
  const drawn = new Set(first.map(({ lines }) => lines[0]?.series));
  return { first, others: names.filter((name) => !drawn.has(name)).sort() };
}

const COMPARED = new Map<ChartSpec, ChartSpec>();

/** The same object each time: a chart is drawn anew when its specification is another. */
function compared(spec: ChartSpec): ChartSpec {
  const lines = spec.lines.slice(0, 1);
  const help = helpOf(lines[0]?.series ?? "") || spec.help;
  const known = COMPARED.get(spec) ?? { ...spec, band: undefined, lines, help };
  COMPARED.set(spec, known);
  return known;
}

/** The chart of a series, in the catalogue or not. */
export function chartFor(series: string): ChartSpec {
  return compareCharts([series]).first[0] ?? seriesChart(series);
}
