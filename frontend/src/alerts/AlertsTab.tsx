import { BellRing, Check, CircleCheck } from "lucide-react";
import type { Alert } from "@/api/queries";
import { toNumber } from "@/live/messages";
import type { TabProps } from "@/run/RunPage";
import table from "@/run/table.module.css";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./AlertsTab.module.css";
import { useAcknowledge, useAlerts } from "./queries";
import { RuleTable } from "./RuleTable";

/** What the rules of this run have raised, and the rules. */
export function AlertsTab(props: TabProps) {
  const { run, facts, store } = props;
  const metrics = store.series.names();
  const shared = { facts, metrics, mayChange: run.permissions.change };
  return (
    <>
      <section className={table.section}>
        <h3>Alerts</h3>
        <Alerts {...props} />
      </section>
      <RuleTable {...shared} title="Rules of this run" scope={{ run: run.id }} />
      <details className={styles.project}>
        <summary>Rules for new runs of {run.project}</summary>
        <RuleTable {...shared} scope={{ project: run.project }} />
      </details>
    </>
  );
}

function Alerts({ run, facts, go }: TabProps) {
  const query = useAlerts(run.id, facts);
  const acknowledge = useAcknowledge();
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  if (query.data.length === 0) {
    return <EmptyState title="No alerts">None of the rules below has fired.</EmptyState>;
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key */}
      <div className={table.scroll} tabIndex={0}>
        <table className={table.table}>
          <thead>
            <tr>
              <th>State</th>
              <th>When</th>
              <th className="number">Step</th>
              <th>Rule</th>
              <th className="number">Value</th>
              <th>What</th>
              <th>Sent</th>
              <th>Acknowledged</th>
            </tr>
          </thead>
          <tbody>
            {query.data.map((alert) => (
              <tr key={alert.id}>
                <td>
                  <AlertState alert={alert} />
                </td>
                <td>
                  <RelativeTime at={alert.at} />
                </td>
                <td className="number">
                  <Button
                    kind="quiet"
                    small
                    onClick={() => go({ tab: "overview", step: alert.step })}
                  >
                    {formatNumber(alert.step, 0)}
                  </Button>
                </td>
                <th scope="row">{alert.rule_name}</th>
                <td className="number">{shownValue(alert)}</td>
                <td className={table.prose}>{alert.message}</td>
                <td>
                  <Sent alert={alert} />
                </td>
                <td>
                  {alert.acknowledged_by ? (
                    `by ${alert.acknowledged_by}`
                  ) : run.permissions.change ? (
                    <Button
                      small
                      icon={<Check size={14} />}
                      busy={acknowledge.isPending && acknowledge.variables.id === alert.id}
                      onClick={() => acknowledge.mutate({ id: alert.id })}
                    >
                      Acknowledge
                    </Button>
                  ) : (
                    "not yet"
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </>
  );
}

function AlertState({ alert }: { alert: Alert }) {
  const open = alert.cleared_at === null;
  const Icon = open ? BellRing : CircleCheck;
  return (
    <span className={classes(styles.state, open && styles.open)}>
      <Icon size={14} aria-hidden />
      {open ? "firing" : "cleared"}
    </span>
  );
}

/** How sending it went, target by target; the reason of a failure on hover. */
function Sent({ alert }: { alert: Alert }) {
  if (alert.deliveries.length === 0) return "–";
  return (
    <ul className={styles.sent}>
      {alert.deliveries.map((one) => (
        <li key={one.id} title={one.error || undefined}>
          {one.target_name}: {one.status}
        </li>
      ))}
    </ul>
  );
}

function shownValue(alert: Alert): string {
  if (alert.value === null) return "–";
  const value = toNumber(alert.value);
  return Number.isNaN(value) ? "NaN" : formatNumber(value, 4);
}
