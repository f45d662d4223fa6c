import { useState } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { type ChartSpec, RUN_CHARTS } from "@/charts/catalogue";
import { ChartGroupProvider } from "@/charts/group";
import { formatOf, helpOf } from "@/charts/seriesHelp";
import { ChartToolbar } from "./ChartToolbar";
import styles from "./OverviewTab.module.css";
import { RolloutPanel } from "./RolloutPanel";
import type { TabProps } from "./RunPage";
import { useCharts } from "./useCharts";

/** Charts at the left, the completions behind them at the right. */
export function OverviewTab(props: TabProps) {
  const charts = useCharts(props);
  return (
    <div className={styles.columns}>
      <div className={styles.left}>
        <ChartToolbar
          address={props.address}
          go={props.go}
          zoomed={charts.zoomed}
          onZoomOut={() => charts.onZoom(null)}
        />
        <ChartGroupProvider value={charts}>
          <div className={styles.charts}>
            {RUN_CHARTS.map((spec) => (
              <ChartCard key={spec.id} spec={spec} />
            ))}
          </div>
          <MoreSeries names={props.store.series.names()} />
        </ChartGroupProvider>
      </div>
      <div className={styles.right}>
        <RolloutPanel {...props} compact />
      </div>
    </div>
  );
}

const DRAWN = new Set(
  RUN_CHARTS.flatMap(({ lines, band }) => [
    ...lines.map((line) => line.series),
    ...(band ? Object.values(band) : []),
  ]),
);

/** Every other series of the run, each with what it means. */
function MoreSeries({ names }: { names: readonly string[] }) {
  const [open, setOpen] = useState(false);
  const others = names.filter((name) => !DRAWN.has(name) && !name.startsWith("system/")).sort();
  if (others.length === 0) return null;
  return (
    <details
      className={styles.more}
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>{others.length} more series</summary>
      {open && (
        <div className={styles.charts}>
          {others.map((name) => (
            <ChartCard key={name} spec={chartOf(name)} />
          ))}
        </div>
      )}
    </details>
  );
}

const CHARTS = new Map<string, ChartSpec>();

/** The same object each time: a chart is drawn anew when its specification is another. */
function chartOf(name: string): ChartSpec {
  const known = CHARTS.get(name);
  if (known) return known;
  const spec: ChartSpec = {
    id: name,
    title: name,
    help: helpOf(name),
    lines: [{ series: name, label: "value", colour: 1 }],
    range: [null, null],
    sparse: name.startsWith("eval/"),
    format: formatOf(name),
  };
  CHARTS.set(name, spec);
  return spec;
}
