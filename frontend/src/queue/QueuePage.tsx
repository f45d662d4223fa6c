import { ChevronDown, ChevronUp } from "lucide-react";
import { Link } from "wouter";
import { usePatchRun } from "@/api/actions";
import { type Queue, type QueuedRun, useQueue } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { Button, IconButton } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { Chip } from "@/ui/Chip";
import { formatDuration, formatNumber, plural } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { PreemptibleChip } from "./PreemptibleChip";
import styles from "./QueuePage.module.css";
import { Resuming } from "./Resuming";

/** What waits, in the order in which it is looked at, and why. */
export default function QueuePage() {
  usePageTitle("Queue");
  const queue = useQueue();
  if (queue.isPending) return <SkeletonLines lines={8} />;
  if (queue.isError && !queue.data) {
    return <ErrorState error={queue.error} onRetry={() => queue.refetch()} />;
  }
  const { items, resuming } = queue.data;
  return (
    <>
      <Held queue={queue.data} />
      {items.length === 0 ? (
        <Empty queue={queue.data} />
      ) : (
        <section className={table.section} aria-label="Waiting for devices">
          <Lines runs={items} />
          {queue.hasNextPage && (
            <Button busy={queue.isFetchingNextPage} onClick={() => void queue.fetchNextPage()}>
              Show more
            </Button>
          )}
        </section>
      )}
      {resuming.length > 0 && <Resuming runs={resuming} />}
    </>
  );
}

function Empty({ queue: { length, resuming } }: { queue: Queue }) {
  return (
    <EmptyState
      title={
        resuming.length === 0 ? "Nothing of yours waits" : "Nothing of yours waits for devices"
      }
      action={<ButtonLink href="/new">New run</ButtonLink>}
    >
      {length === 0
        ? "The queue is empty: a new run starts as soon as a device is free."
        : `Ahead of whatever you start: ${plural(length, "run")} of other projects.`}
    </EmptyState>
  );
}

/** What your projects hold now, and may hold at once. */
function Held({ queue }: { queue: Queue }) {
  return (
    <ul className={styles.held} aria-label="Devices held by your projects">
      {queue.projects.map((project) => (
        <li key={project.slug}>
          {project.name}{" "}
          <span className="muted">
            holds {formatNumber(project.devices_held, 0)}
            {project.device_quota === null
              ? ` ${project.devices_held === 1 ? "device" : "devices"}`
              : ` of ${plural(project.device_quota, "device")}`}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Lines({ runs }: { runs: QueuedRun[] }) {
  return (
    <Table>
      <thead>
        <tr>
          <th className="number">Place</th>
          <th>Run</th>
          <th>Why it waits</th>
          <th>Starts in</th>
          <th>Priority</th>
          <th className={styles.minor}>Project</th>
          <th className={`number ${styles.minor}`}>Devices</th>
          <th className={styles.minor}>Queued</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <Line key={run.run} run={run} />
        ))}
      </tbody>
    </Table>
  );
}

function Line({ run }: { run: QueuedRun }) {
  return (
    <tr>
      <td className="number">{run.possible ? formatNumber(run.position, 0) : "–"}</td>
      <th scope="row" className={table.name}>
        <Link href={`/runs/${run.run}`}>{run.name}</Link> <span className="muted">#{run.run}</span>{" "}
        {run.preemptible && <PreemptibleChip />}{" "}
        {run.kept_nodes.length > 0 && (
          <Chip title={`Nothing else starts on ${run.kept_nodes.join(", ")}`}>
            keeps {plural(run.kept_nodes.length, "node")}
          </Chip>
        )}
      </th>
      <td className={run.possible ? table.prose : `${table.prose} ${styles.impossible}`}>
        {run.reason}
      </td>
      <td>{startsIn(run)}</td>
      <td>
        <Priority run={run} />
      </td>
      <td className={styles.minor}>{run.project}</td>
      <td className={`number ${styles.minor}`}>
        {formatNumber(run.devices, 0)}
        {run.nodes > 1 && <span className="muted"> on {plural(run.nodes, "node")}</span>}
      </td>
      <td className={styles.minor}>
        <RelativeTime at={run.queued_at} />
      </td>
    </tr>
  );
}

function startsIn(run: QueuedRun): string {
  if (!run.possible) return "never";
  if (run.starts_in_s === null) return "not known";
  return run.starts_in_s < 1 ? "a moment" : `about ${formatDuration(run.starts_in_s)}`;
}

function Priority({ run }: { run: QueuedRun }) {
  const patch = usePatchRun();
  const put = (priority: number) => patch.mutate({ id: run.run, priority });
  return (
    <span className={styles.priority}>
      <span className="number">{run.priority}</span>
      {run.may_change && (
        <>
          <IconButton
            small
            label={`Raise the priority of ${run.name}`}
            disabled={patch.isPending}
            onClick={() => put(run.priority + 1)}
          >
            <ChevronUp size={14} />
          </IconButton>
          <IconButton
            small
            label={`Lower the priority of ${run.name}`}
            disabled={patch.isPending}
            onClick={() => put(run.priority - 1)}
          >
            <ChevronDown size={14} />
          </IconButton>
        </>
      )}
    </span>
  );
}
