import { ArrowRight } from "lucide-react";
import { formatDuration } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { StateBadge } from "@/ui/StateBadge";
import { Table } from "@/ui/Table";
import styles from "@/ui/table.module.css";
import { useTransitions } from "./queries";
import type { TabProps } from "./RunPage";

/** Every change of state with who caused it and why, and every attempt. */
export function HistoryTab(props: TabProps) {
  return (
    <>
      <Transitions {...props} />
      <Attempts {...props} />
    </>
  );
}

function Transitions({ run, facts }: TabProps) {
  const query = useTransitions(run.id, facts.stateVersion);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  return (
    <section className={styles.section}>
      <h3>Changes of state</h3>
      <Table>
        <thead>
          <tr>
            <th>When</th>
            <th>From</th>
            <th>
              <span className="visually-hidden">to</span>
            </th>
            <th>To</th>
            <th>By</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {query.data.items.map((change) => (
            <tr key={`${change.at} ${change.to_state}`}>
              <td>
                <RelativeTime at={change.at} />
              </td>
              <td>{change.from_state && <StateBadge state={change.from_state} />}</td>
              <td>
                <ArrowRight size={14} aria-hidden />
              </td>
              <td>
                <StateBadge state={change.to_state} />
              </td>
              <td>{change.actor}</td>
              <td className={styles.prose}>{change.reason}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}

function Attempts({ run }: TabProps) {
  if (run.attempts.length === 0) return null;
  return (
    <section className={styles.section}>
      <h3>Attempts</h3>
      <Table>
        <thead>
          <tr>
            <th className="number">No.</th>
            <th>Node</th>
            <th className="number">From step</th>
            <th>Started</th>
            <th className="number">Lasted</th>
            <th>Outcome</th>
            <th className="number">Exit code</th>
            <th>Why</th>
          </tr>
        </thead>
        <tbody>
          {run.attempts.toReversed().map((attempt) => (
            <tr key={attempt.number}>
              <th scope="row" className="number">
                {attempt.number}
              </th>
              <td>{attempt.nodes.join(", ") || "–"}</td>
              <td className="number">{attempt.start_step}</td>
              <td>
                <RelativeTime at={attempt.started_at} />
              </td>
              <td className="number">{lasted(attempt.started_at, attempt.ended_at)}</td>
              <td>{attempt.outcome || (attempt.ended_at ? "–" : "under way")}</td>
              <td className="number">{attempt.exit_code ?? "–"}</td>
              <td className={styles.prose}>{attempt.reason}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}

function lasted(from: string | null, to: string | null): string {
  if (!from) return "–";
  const end = to ? new Date(to) : new Date();
  return formatDuration((end.getTime() - new Date(from).getTime()) / 1000);
}
