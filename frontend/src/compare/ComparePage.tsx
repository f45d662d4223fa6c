import { lazy, Suspense } from "react";
import { usePageTitle } from "@/app/title";
import { SkeletonLines } from "@/ui/Skeleton";
import { Tabs } from "@/ui/Tabs";
import { type Address, TABS, type TabKey, useAddress } from "./address";
import { ChartsTab } from "./ChartsTab";
import styles from "./ComparePage.module.css";
import { CompareProvider } from "./CompareProvider";
import { Controls } from "./Controls";
import { DiffTab } from "./DiffTab";
import { NothingChosen } from "./NothingChosen";
import { RunLegend } from "./RunLegend";
import { SummaryTab } from "./SummaryTab";

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

function Comparing(props: ComparingProps) {
  const { address, go } = props;
  const Page = PAGES[address.tab];
  return (
    <CompareProvider
      {...props}
      waiting={<SkeletonLines lines={12} />}
      nothing={<NothingChosen gone />}
    >
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
    </CompareProvider>
  );
}
