import { ChartCard } from "@/charts/ChartCard";
import { type ChartSpec, runCharts, seriesOfChart, wideOnes } from "@/charts/catalogue";
import { ChartGroupProvider } from "@/charts/group";
import { formatOf, helpOf } from "@/charts/seriesHelp";
import { ChartToolbar } from "./ChartToolbar";
import styles from "./OverviewTab.module.css";
import { RolloutPanel } from "./RolloutPanel";
import type { TabProps } from "./RunPage";
import { axesOf, useCharts } from "./useCharts";

/** Charts at the left, the completions behind them at the right. */
export function OverviewTab(props: TabProps) {
  const charts = useCharts(props);
  const { series } = props.store;
  const names = [
    ...new Set([...series.names(), ...series.others(), ...Object.keys(props.run.summary)]),
  ];
  const specs = runCharts(names);
  const wide = wideOnes(specs);
  return (
    <div className={styles.columns}>
      <div className={styles.left}>
        <ChartToolbar
          address={props.address}
          go={props.go}
          axes={axesOf(props.run, props.store.series)}
          axis={charts.clock.axis}
        />
        <ChartGroupProvider value={charts}>
          <div className={styles.charts}>
            {specs.map((spec) => (
              <ChartCard key={spec.id} spec={spec} wide={wide.has(spec)} />
            ))}
          </div>
          <MoreSeries
            names={names}
            drawn={new Set(specs.flatMap(seriesOfChart))}
            open={props.address.more}
            onOpen={(more) => props.go({ more })}
          />
        </ChartGroupProvider>
      </div>
      <div className={styles.right}>
        <RolloutPanel {...props} compact />
      </div>
    </div>
  );
}

interface MoreSeriesProps {
  names: readonly string[];
  drawn: ReadonlySet<string>;
  open: boolean;
  onOpen: (open: boolean) => void;
}

/** Every other series of the run, each with what it means. */
function MoreSeries({ names, drawn, open, onOpen }: MoreSeriesProps) {
  const others = names.filter((name) => !drawn.has(name) && !name.startsWith("system/")).sort();
  if (others.length === 0) return null;
  return (
    <details
      className={styles.more}
      open={open}
      onToggle={({ currentTarget }) => {
        if (currentTarget.open !== open) onOpen(currentTarget.open);
      }}
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
