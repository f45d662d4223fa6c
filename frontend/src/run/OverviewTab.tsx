import { ChartCard } from "@/charts/ChartCard";
import { RUN_CHARTS } from "@/charts/catalogue";
import { ChartGroupProvider } from "@/charts/group";
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
        </ChartGroupProvider>
      </div>
      <div className={styles.right}>
        <RolloutPanel {...props} compact />
      </div>
    </div>
  );
}
