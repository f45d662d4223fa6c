import { createColumnHelper, type RowData } from "@tanstack/react-table";
import { Link } from "wouter";
import type { RunRow } from "@/api/queries";
import { Chip } from "@/ui/Chip";
import {
  formatCompact,
  formatCost,
  formatDuration,
  formatFixed,
  formatNumber,
  formatPercent,
} from "@/ui/format";
import { Progress } from "@/ui/Progress";
import { RelativeTime } from "@/ui/RelativeTime";
import { Sparkline } from "@/ui/Sparkline";
import { StateBadge } from "@/ui/StateBadge";
import styles from "./RunsTable.module.css";

declare module "@tanstack/react-table" {
  interface ColumnMeta<TData extends RowData, TValue> {
    className?: string;
    /** Field by which the server can order the list. */
    sort?: string;
  }
}

const column = createColumnHelper<RunRow>();

export const columns = [
  column.accessor("state", {
    header: "State",
    meta: { className: styles.state, sort: "state" },
    cell: ({ row }) => (
      <span title={row.original.queue_reason || row.original.reason || undefined}>
        <StateBadge state={row.original.state} paused={row.original.paused !== ""} />
      </span>
    ),
  }),
  column.accessor("name", {
    header: "Name",
    meta: { className: styles.name, sort: "name" },
    cell: ({ row }) => <NameCell run={row.original} />,
  }),
  column.accessor("preset", {
    header: "Preset",
    meta: { className: styles.preset },
    cell: (cell) => <span className="truncate">{cell.getValue() || "–"}</span>,
  }),
  column.accessor("step", {
    header: "Step",
    meta: { className: styles.step, sort: "last_step" },
    cell: ({ row }) => <StepCell run={row.original} />,
  }),
  column.accessor("reward", {
    header: "Reward",
    meta: { className: styles.reward },
    cell: ({ row }) => (
      <>
        <Sparkline
          values={row.original.sparkline}
          label={`Mean reward, last ${row.original.sparkline.length} steps`}
        />
        <span className="number">{formatFixed(row.original.reward, 2)}</span>
      </>
    ),
  }),
  column.accessor("pass_at_1", {
    header: "Pass@1",
    meta: { className: styles.pass },
    cell: (cell) => formatPercent(cell.getValue()),
  }),
  column.accessor("tokens_per_s", {
    header: "Tokens/s",
    meta: { className: styles.speed },
    cell: (cell) => formatCompact(cell.getValue()),
  }),
  column.accessor("duration_s", {
    header: "Duration",
    meta: { className: styles.duration },
    cell: (cell) => formatDuration(cell.getValue()),
  }),
  column.accessor("cost_usd", {
    header: "Cost",
    meta: { className: styles.cost },
    cell: ({ row }) => (
      <span title={`${formatNumber(row.original.device_hours)} device-hours`}>
        {formatCost(row.original.cost_usd)}
      </span>
    ),
  }),
  column.accessor("owner", {
    header: "Owner",
    meta: { className: styles.owner },
    cell: (cell) => <span className="truncate">{cell.getValue().username}</span>,
  }),
  column.accessor("created_at", {
    header: "Created",
    meta: { className: styles.created, sort: "created_at" },
    cell: (cell) => <RelativeTime at={cell.getValue()} />,
  }),
];

function NameCell({ run }: { run: RunRow }) {
  return (
    <>
      <Link href={`/runs/${run.id}`} className={styles.link} title={`${run.name} · #${run.id}`}>
        {run.name}
      </Link>
      <span className="muted">#{run.id}</span>
      {run.tags.map((tag) => (
        <Chip key={tag} title={tag}>
          {tag}
        </Chip>
      ))}
    </>
  );
}

function StepCell({ run }: { run: RunRow }) {
  return (
    <>
      <span className={styles.steps}>
        {formatNumber(run.step, 0)}
        <span className="muted"> / {formatNumber(run.total_steps, 0)}</span>
      </span>
      <Progress value={run.step} max={run.total_steps} label="Steps done" />
    </>
  );
}
