import { createColumnHelper, type RowData } from "@tanstack/react-table";
import type { CSSProperties } from "react";
import { Link } from "wouter";
import type { RunRow } from "@/api/queries";
import { formatOf } from "@/charts/seriesHelp";
import { Chip } from "@/ui/Chip";
import {
  formatCompact,
  formatCost,
  formatDeviceHours,
  formatDuration,
  formatFixed,
  formatNumber,
  formatPercent,
} from "@/ui/format";
import { Progress } from "@/ui/Progress";
import { RelativeTime } from "@/ui/RelativeTime";
import { Sparkline } from "@/ui/Sparkline";
import { StateBadge } from "@/ui/StateBadge";
import { columnsThatFit } from "./fit";
import styles from "./RunsTable.module.css";

declare module "@tanstack/react-table" {
  interface ColumnMeta<TData extends RowData, TValue> {
    className?: string;
    /** Field by which the server can order the list. */
    sort: string;
    /** The order that the first click on its head asks for; rising when left out. */
    first?: "rising" | "falling";
    /** CSS pixels; those of the name are the least it has. */
    width: number;
  }
}

const column = createColumnHelper<RunRow>();

const FIELDS = [
  column.accessor("state", {
    header: "State",
    meta: { className: styles.state, sort: "state", width: 88 },
    cell: ({ row }) => (
      <span title={row.original.queue_reason || row.original.reason || undefined}>
        <StateBadge state={row.original.state} paused={row.original.paused !== ""} />
      </span>
    ),
  }),
  column.accessor("name", {
    header: "Name",
    meta: { className: styles.name, sort: "name", width: 160 },
    cell: ({ row }) => <NameCell run={row.original} />,
  }),
  column.accessor("preset", {
    header: "Preset",
    meta: { className: styles.preset, sort: "preset", width: 104 },
    cell: (cell) => <span className="truncate">{cell.getValue() || "–"}</span>,
  }),
  column.accessor("step", {
    header: "Step",
    meta: { className: styles.step, sort: "last_step", first: "falling", width: 104 },
    cell: ({ row }) => <StepCell run={row.original} />,
  }),
  column.accessor("reward", {
    header: "Reward",
    meta: { className: styles.reward, sort: "reward", first: "falling", width: 116 },
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
    meta: { className: styles.pass, sort: "pass_at_1", first: "falling", width: 60 },
    cell: (cell) => formatPercent(cell.getValue()),
  }),
  column.accessor("tokens_per_s", {
    header: "Tokens/s",
    meta: { className: styles.speed, sort: "tokens_per_s", first: "falling", width: 64 },
    cell: (cell) => formatCompact(cell.getValue()),
  }),
  column.accessor("duration_s", {
    header: "Duration",
    meta: { className: styles.duration, sort: "duration_s", first: "falling", width: 64 },
    cell: (cell) => formatDuration(cell.getValue()),
  }),
  column.accessor("cost_usd", {
    header: "Cost",
    meta: { className: styles.cost, sort: "cost_usd", first: "falling", width: 56 },
    cell: ({ row }) => (
      <span title={`${formatDeviceHours(row.original.device_hours)} device-hours`}>
        {formatCost(row.original.cost_usd)}
      </span>
    ),
  }),
  column.accessor("owner", {
    header: "Owner",
    meta: { className: styles.owner, sort: "owner", width: 72 },
    cell: (cell) => <span className="truncate">{cell.getValue().username}</span>,
  }),
  column.accessor("created_at", {
    header: "Created",
    meta: { className: styles.created, sort: "created_at", first: "falling", width: 88 },
    cell: (cell) => <RelativeTime at={cell.getValue()} />,
  }),
];

/** All columns of the list, with one for each of these metrics. */
export function columnsWith(metrics: readonly string[]) {
  return [...FIELDS, ...metrics.map(metricColumn)];
}

type Columns = ReturnType<typeof columnsWith>;

/** Those that there is room for, in CSS pixels. */
export function fitting(columns: Columns, room: number): Columns {
  const sized = columns.map((column) => ({
    column,
    id: column.meta?.sort ?? "",
    width: column.meta?.width ?? 0,
  }));
  return columnsThatFit(sized, room).map(({ column }) => column);
}

/** What lays out the lines of these columns. */
export function tracks(columns: Columns): CSSProperties {
  const widths = columns.map(({ meta }) =>
    meta?.sort === "name" ? `minmax(${meta.width}px, 1fr)` : `${meta?.width}px`,
  );
  return { "--columns": widths.join(" ") } as CSSProperties;
}

function metricColumn(name: string) {
  const format = formatOf(name);
  return column.accessor((run) => run.values[name] ?? null, {
    id: name,
    header: () => <span className={styles.metricName}>{name}</span>,
    meta: { className: styles.metric, sort: name, first: "falling", width: 96 },
    cell: (cell) => {
      const value = cell.getValue();
      return <span className="number">{value === null ? "–" : format(value)}</span>;
    },
  });
}

function NameCell({ run }: { run: RunRow }) {
  const [first, ...more] = run.tags;
  return (
    <>
      <Link href={`/runs/${run.id}`} className={styles.link} title={`${run.name} · #${run.id}`}>
        {run.name}
      </Link>
      <span className="muted">#{run.id}</span>
      {first && (
        <Chip title={run.tags.join(", ")}>{more.length ? `${first} +${more.length}` : first}</Chip>
      )}
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
