import { lazy, Suspense, useMemo } from "react";
import { usePageTitle } from "@/app/title";
import { useChartColours } from "@/charts/colours";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Tabs } from "@/ui/Tabs";
import { type Address, TABS, type TabKey, useAddress } from "./address";
import { ChartsTab } from "./ChartsTab";
import styles from "./ComparePage.module.css";
import { Controls } from "./Controls";
import { DiffTab } from "./DiffTab";
import { exploredKeys } from "./explored";
import { Highlight } from "./highlight";
import { NothingChosen } from "./NothingChosen";
import { ComparePageProvider, usePageParts } from "./page";
import { useComparison } from "./queries";
import { RunLegend } from "./RunLegend";
import { SummaryTab } from "./SummaryTab";
import { useCurves, useLiveComparison } from "./useCurves";

const ExploreTab = lazy(() => import("./ExploreTab"));
const PANEL = "compare-panel";
const PAGES: Record<TabKey, React.ComponentType> = {
  charts: ChartsTab,
  summary: SummaryTab,
  config: DiffTab,
  explore: ExploreTab,
};

/** Any number of runs side by side: their curves, numbers and configs. */
export default function ComparePage() {
  const [address, go] = useAddress();
  const count = address.runs.length;
  usePageTitle(count > 0 ? `Compare ${count} runs` : "Compare");
  if (count === 0) return <NothingChosen />;
  return <Comparing address={address} go={go} />;
}

interface ComparingProps {
  address: Address;
  go: (change: Partial<Address>) => void;
}

function Comparing({ address, go }: ComparingProps) {
  const query = useComparison(address.runs, seriesNamed(address));
  const colours = useChartColours();
  const parts = usePageParts(address, query.data, colours.series);
  const store = useCurves(parts.drawn);
  useLiveComparison(store, query.data);
  const highlight = useMemo(() => new Highlight(), []);
  if (query.error && !query.data) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) return <SkeletonLines lines={12} />;
  if (query.data.runs.length === 0) return <NothingChosen gone />;
  const Page = PAGES[address.tab];
  return (
    <ComparePageProvider value={{ ...parts, go, store, highlight, colours }}>
      <div className={styles.page}>
        <Controls />
        <div className={styles.columns}>
          <RunLegend />
          <div className={styles.main}>
            <Tabs
              label="About these runs"
              tabs={TABS}
              selected={address.tab}
              onSelect={(tab) => go({ tab })}
              panel={PANEL}
            />
            <div
              id={PANEL}
              role="tabpanel"
              aria-label={TABS.find(({ key }) => key === address.tab)?.label}
              className={styles.panel}
            >
              <Suspense fallback={<SkeletonLines lines={8} />}>
                <Page />
              </Suspense>
            </div>
          </div>
        </div>
      </div>
    </ComparePageProvider>
  );
}

/** The series whose newest values something on the page is told by. */
function seriesNamed(address: Address): string[] {
  const { colour, group, where, sort } = address;
  const named = [colour, group, sort.replace(/^-/, ""), ...where.map(({ field }) => field)];
  const keys = [...named, ...exploredKeys(address)].filter((key) => key.includes("/"));
  return [...new Set(keys)].sort();
}
