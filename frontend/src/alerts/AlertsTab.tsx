import { Link } from "wouter";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import table from "@/ui/table.module.css";
import styles from "./AlertsTab.module.css";
import { AlertTable } from "./AlertTable";
import { useAlerts } from "./queries";
import { RuleTable } from "./RuleTable";

/** What the rules of this run have raised, and the rules. */
export function AlertsTab(props: TabProps) {
  const { run, facts, store } = props;
  const metrics = store.series.names();
  return (
    <>
      <section className={table.section}>
        <h3>Alerts</h3>
        <Alerts {...props} />
      </section>
      <RuleTable
        title="Rules of this run"
        scope={{ run: run.id }}
        facts={facts}
        metrics={metrics}
        mayChange={run.permissions.change}
      />
      <p className={styles.project}>
        Budgets, targets and the rules that new runs begin with belong to the project{" "}
        <Link href={`/projects/${run.project}?tab=rules`}>{run.project}</Link>.
      </p>
    </>
  );
}

function Alerts({ run, facts, go }: TabProps) {
  const query = useAlerts({ run: run.id }, facts);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  if (query.data.length === 0) {
    return <EmptyState title="No alerts">None of the rules below has fired.</EmptyState>;
  }
  return (
    <>
      <AlertTable
        alerts={query.data}
        mayChange={run.permissions.change}
        onStep={(step) => go({ tab: "overview", step })}
      />
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </>
  );
}
