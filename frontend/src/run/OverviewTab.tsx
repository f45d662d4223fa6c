import { useCallback } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { ChartToolbar } from "@/charts/ChartToolbar";
import { runCharts, seriesChart, seriesOfChart, wideOnes } from "@/charts/catalogue";
import { type ChartGroup, ChartGroupProvider } from "@/charts/group";
import { RolloutPanel } from "@/rollouts/RolloutPanel";
import { hasMeasuredModels, SAFETY_SERIES } from "@/safety/queries";
import { SafetyPanel } from "@/safety/SafetyPanel";
import { PipelineSection } from "@/stages/PipelineSection";
import { useStages } from "@/stages/queries";
import { useMediaQuery } from "@/ui/useMediaQuery";
import { ConfigTab } from "./ConfigTab";
import styles from "./OverviewTab.module.css";
import type { TabProps } from "./RunPage";
import { axesOf, useCharts } from "./useCharts";

/** Charts at the left, the completions behind them at the right; on paper charts and config. */
export function OverviewTab(props: TabProps) {
  const charts = useCharts(props);
  const stages = useStages(props.run, props.facts);
  const { series } = props.store;
  const names = [
    ...new Set([...series.names(), ...series.others(), ...Object.keys(props.run.summary)]),
  ];
  const specs = runCharts(names);
  const wide = wideOnes(specs);
  const printed = useMediaQuery("print");
  return (
    <div className={styles.columns}>
      <PipelineSection {...props} />
      <div className={styles.left}>
        <ChartToolbar
          address={props.address}
          go={props.go}
          axes={axesOf(props.run, props.store.series)}
          axis={charts.clock.axis}
          whole={[0, props.facts.step]}
          pinned={props.address.step}
          click="click to pin a step"
        />
        <ChartGroupProvider value={charts}>
          <div className={styles.charts}>
            {specs.map((spec) => (
              <ChartCard key={spec.id} spec={spec} wide={wide.has(spec)} />
            ))}
          </div>
          {(names.includes(SAFETY_SERIES) || hasMeasuredModels(props.run, stages.data?.stages)) && (
            <SafetyPanel runId={props.run.id} version={props.facts.stagesVersion} />
          )}
          <MoreSeries
            charts={charts}
            names={names}
            drawn={new Set(specs.flatMap(seriesOfChart))}
            open={props.address.more && !printed}
            onOpen={(more) => props.go({ more })}
          />
        </ChartGroupProvider>
      </div>
      <div className={styles.right}>
        <RolloutPanel {...props} compact />
      </div>
      {printed && (
        <section className={styles.printed}>
          <h2>Config</h2>
          <ConfigTab {...props} />
        </section>
      )}
    </div>
  );
}

interface MoreSeriesProps {
  charts: ChartGroup;
  names: readonly string[];
  drawn: ReadonlySet<string>;
  open: boolean;
  onOpen: (open: boolean) => void;
}

/** Series that are asked for together: those of a few rows. */
const BLOCK = 12;

/** Every other series of the run, each with what it means. */
function MoreSeries({ charts, names, drawn, open, onOpen }: MoreSeriesProps) {
  const others = names.filter((name) => !drawn.has(name) && !name.startsWith("system/")).sort();
  const key = others.join();
  const { need } = charts;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the names
  const needBlocks = useCallback(
    (wanted: readonly string[]) => need(wanted.flatMap((name) => blockOf(others, name))),
    [need, key],
  );
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
        <ChartGroupProvider value={{ ...charts, need: needBlocks }}>
          <div className={styles.charts}>
            {others.map((name) => (
              <ChartCard key={name} spec={seriesChart(name)} />
            ))}
          </div>
        </ChartGroupProvider>
      )}
    </details>
  );
}

/** A name with those that stand around it: while one is read, its neighbours come. */
function blockOf(names: readonly string[], name: string): readonly string[] {
  const start = Math.floor(names.indexOf(name) / BLOCK) * BLOCK;
  return start < 0 ? [name] : names.slice(start, start + BLOCK);
}
