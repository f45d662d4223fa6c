import { lazy, Suspense, useMemo } from "react";
import { AlertsTab } from "@/alerts/AlertsTab";
import { useNewAlerts } from "@/alerts/queries";
import { type RunDetail, useRun } from "@/api/queries";
import { useShortcuts } from "@/app/shortcuts";
import { usePageTitle } from "@/app/title";
import { HEADLINE_SERIES } from "@/charts/catalogue";
import type { Facts } from "@/live/facts";
import type { RunStore } from "@/live/runStore";
import { useRunStore, useRunView } from "@/live/useRunStore";
import { Chip } from "@/ui/Chip";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Tabs } from "@/ui/Tabs";
import { type Address, TABS, type TabKey, useAddress } from "./address";
import { CheckpointsTab } from "./CheckpointsTab";
import { ConfigTab } from "./ConfigTab";
import { HistoryTab } from "./HistoryTab";
import { LogsTab } from "./LogsTab";
import { OverviewTab } from "./OverviewTab";
import { useFreshness } from "./queries";
import { RunHeader } from "./RunHeader";
import styles from "./RunPage.module.css";
import { RunPageSkeleton } from "./RunPageSkeleton";
import { StateNotice } from "./StateNotice";
import { SystemTab } from "./SystemTab";

const CostTab = lazy(() => import("@/ledger/CostTab"));
const RolloutsTab = lazy(() => import("@/rollouts/RolloutsTab"));
const ProvenanceTab = lazy(() => import("@/provenance/ProvenanceTab"));

const PANEL = "run-panel";

/** What every tab of the page is given. */
export interface TabProps {
  run: RunDetail;
  facts: Facts;
  store: RunStore;
  /** Rises when the store's series change. */
  version: number;
  address: Address;
  go: (change: Partial<Address>) => void;
}

const PAGES: Record<TabKey, (props: TabProps) => React.ReactNode> = {
  overview: OverviewTab,
  rollouts: RolloutsTab,
  config: ConfigTab,
  logs: LogsTab,
  checkpoints: CheckpointsTab,
  provenance: ProvenanceTab,
  system: SystemTab,
  cost: CostTab,
  alerts: AlertsTab,
  history: HistoryTab,
};

/** One run, live. */
export default function RunPage({ runId }: { runId: number }) {
  const store = useRunStore(runId, HEADLINE_SERIES);
  const view = useRunView(store);
  const query = useRun(runId);
  const [address, go] = useAddress();
  const run = query.data;
  useFreshness(runId, store, view.facts);
  const newAlerts = useNewAlerts(runId, view.facts).data?.length ?? 0;
  usePageTitle(run ? `${run.name} · #${run.id}` : `Run #${runId}`, "Runs", "/");
  useTabKeys(address.tab, go);

  const error = query.error ?? (view.facts ? null : view.error);
  if (error && !run) {
    return <ErrorState error={error} onRetry={() => void retry(query.refetch, store)} />;
  }
  if (!run || !view.facts) return <RunPageSkeleton />;
  const Page = PAGES[address.tab];
  const props = { run, facts: view.facts, store, version: view.seriesVersion, address, go };
  return (
    <div className={styles.page}>
      {view.status === "paused" && (
        <p role="status" className={styles.paused}>
          Live updates paused, reconnecting
        </p>
      )}
      <RunHeader run={run} facts={view.facts} />
      <StateNotice run={run} facts={view.facts} go={go} />
      <Tabs
        label="About this run"
        tabs={TABS.map((tab) => (tab.key === "alerts" ? alertsTab(newAlerts) : tab))}
        selected={address.tab}
        onSelect={(tab) => go({ tab })}
        panel={PANEL}
      />
      <div id={PANEL} role="tabpanel" aria-label={labelOf(address.tab)} className={styles.panel}>
        <Suspense fallback={<SkeletonLines lines={6} height={96} />}>
          <Page {...props} />
        </Suspense>
      </div>
    </div>
  );
}

function alertsTab(count: number) {
  const label = (
    <span className={styles.counted}>
      Alerts {count > 0 && <Chip title="Not acknowledged">{count}</Chip>}
    </span>
  );
  return { key: "alerts" as const, label };
}

async function retry(refetch: () => Promise<unknown>, store: RunStore): Promise<void> {
  await refetch();
  await store.start();
}

function labelOf(tab: TabKey): string | undefined {
  return TABS.find(({ key }) => key === tab)?.label;
}

function useTabKeys(tab: TabKey, go: TabProps["go"]): void {
  const shortcuts = useMemo(() => {
    const at = TABS.findIndex(({ key }) => key === tab);
    const move = (by: number) => go({ tab: TABS.at((at + by) % TABS.length)?.key });
    return [
      { keys: "[", label: "Tab before", run: () => move(-1) },
      { keys: "]", label: "Next tab", run: () => move(1) },
      ...TABS.map(({ key, label }) => ({ keys: "", label, run: () => go({ tab: key }) })),
    ];
  }, [tab, go]);
  useShortcuts("Run", shortcuts);
}
