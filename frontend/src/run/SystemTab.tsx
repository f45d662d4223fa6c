import { useEffect } from "react";
import { ChartCard } from "@/charts/ChartCard";
import { type ChartSpec, SYSTEM_CHARTS } from "@/charts/catalogue";
import { ChartGroupProvider } from "@/charts/group";
import { EmptyState } from "@/ui/Message";
import styles from "./OverviewTab.module.css";
import { hasEnded } from "./queries";
import type { TabProps } from "./RunPage";
import { useCharts } from "./useCharts";

/** What the run takes from its machine, over time. */
export function SystemTab(props: TabProps) {
  const charts = useCharts(props, "time");
  const { need } = props.store;
  useEffect(() => need(["system/*"]), [need]);
  const names = props.store.series.names().filter((name) => name.startsWith("system/"));
  if (names.length === 0)
    return (
      <EmptyState title="No samples yet">
        {hasEnded(props.facts.state)
          ? "The run ended before the first one."
          : "CPU, memory and GPUs are sampled every few seconds while it runs."}
      </EmptyState>
    );
  return (
    <ChartGroupProvider value={charts}>
      <div className={styles.charts}>
        {[...SYSTEM_CHARTS, ...gpuCharts(names)].map((spec) => (
          <ChartCard key={spec.id} spec={spec} />
        ))}
      </div>
    </ChartGroupProvider>
  );
}

const KNOWN = new Set(SYSTEM_CHARTS.flatMap((spec) => spec.lines.map((line) => line.series)));

/** One chart for each GPU series that the node reports. */
function gpuCharts(names: readonly string[]): ChartSpec[] {
  const own = names.filter((name) => !KNOWN.has(name));
  return own.map((name, index) => ({
    id: name,
    title: name.replace("system/", "").replaceAll("_", " "),
    help: name,
    lines: [{ series: name, label: "value", colour: 1 + (index % 8) }],
    bytes: name.endsWith("_bytes"),
    range: [0, null],
    format: SYSTEM_CHARTS[name.endsWith("_bytes") ? 1 : 0]?.format ?? String,
  }));
}
