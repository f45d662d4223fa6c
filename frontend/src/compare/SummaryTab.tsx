import { ArrowDown, ArrowUp } from "lucide-react";
import { Link } from "wouter";
import { betterOf } from "@/charts/seriesHelp";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import { chartFor } from "./ChartsTab";
import { CopyTable } from "./CopyTable";
import { runLabel, useComparePage } from "./page";
import { MOST_MEASURED, useStatistics } from "./queries";
import { Swatch } from "./RunLegend";
import styles from "./SummaryTab.module.css";
import {
  columnsOf,
  deltaOf,
  type Figure,
  type Kind,
  type SummaryColumn,
  sortedBy,
  type TextTable,
} from "./summary";

/** What an expert asks first of each run. */
const FIRST_METRICS = ["reward/mean", "eval/pass_at_1", "kl/mean", "completion/length_mean"];
const NEWEST_CHOICES = [1, 5, 10, 20, 50, 100, 500];
const MOST_METRICS = 12;

/** Last, best and mean of chosen series, and how far each run is from the baseline. */
export function SummaryTab() {
  const { address, go, fields, runs, shown, baseline } = useComparePage();
  const names = fields.comparison.series.map(({ name }) => name);
  const metrics =
    address.metrics.length > 0
      ? address.metrics
      : FIRST_METRICS.filter((name) => names.includes(name));
  const asked = shown.includes(baseline) ? shown : [baseline, ...shown];
  const query = useStatistics(asked, metrics, address.newest);
  if (query.error && !query.data) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) return <SkeletonLines lines={8} />;
  const columns = columnsOf(query.data, asked);
  const labels = new Map(runs.map((run) => [run.id, run]));
  const base = asked.indexOf(baseline);
  const sorted = sortRows(asked, columns, address.sort, (id) => labels.get(id)?.name ?? "").filter(
    (id) => shown.includes(id),
  );
  const table: TextTable = {
    head: ["run", ...columns.map((column) => headOf(column, address.newest))],
    rows: sorted.map((id) => [
      runLabel(labels.get(id) ?? { id, name: "" }),
      ...columns.map(({ values }) => plainText(values[asked.indexOf(id)])),
    ]),
  };
  const chosen = names.filter((name) => !metrics.includes(name));
  return (
    <div className={styles.tab}>
      <div className={styles.bar}>
        <Select
          aria-label="Add a series"
          value=""
          disabled={metrics.length >= MOST_METRICS}
          options={[
            { value: "", label: "Add a series" },
            ...chosen.map((name) => ({ value: name, label: name })),
          ]}
          onChange={(name) => name && go({ metrics: [...metrics, name] })}
        />
        <Select
          aria-label="Points of the mean"
          value={String(address.newest)}
          options={[...new Set([...NEWEST_CHOICES, address.newest])]
            .sort((a, b) => a - b)
            .map((count) => ({ value: String(count), label: `mean of the last ${count}` }))}
          onChange={(count) => go({ newest: Number(count) })}
        />
        <CopyTable what="Summary" table={table} />
      </div>
      {shown.length > MOST_MEASURED && (
        <p className="muted">
          The numbers are of the first {MOST_MEASURED} of {formatNumber(shown.length, 0)} runs.
        </p>
      )}
      <Table panel>
        <caption className="visually-hidden">
          Newest, best and mean values of each run, with the difference to the baseline.
        </caption>
        <thead>
          <tr>
            <th />
            {metrics.map((name) => (
              <th
                key={name}
                scope="colgroup"
                colSpan={betterOf(name) ? 3 : 2}
                className={styles.series}
              >
                {name}
                <Button
                  small
                  kind="quiet"
                  aria-label={`Take ${name} out`}
                  disabled={metrics.length === 1}
                  onClick={() => go({ metrics: metrics.filter((other) => other !== name) })}
                >
                  ×
                </Button>
              </th>
            ))}
          </tr>
          <tr>
            <SortHead sortKey="name" label="Run" />
            {columns.map((column) => (
              <SortHead
                key={keyOf(column)}
                sortKey={keyOf(column)}
                label={kindWords(column.kind, column.series, address.newest)}
                isNumber
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((id) => (
            <RunLine key={id} id={id} place={asked.indexOf(id)} base={base} columns={columns} />
          ))}
        </tbody>
      </Table>
    </div>
  );
}

interface RunLineProps {
  id: number;
  place: number;
  base: number;
  columns: readonly SummaryColumn[];
}

function RunLine({ id, place, base, columns }: RunLineProps) {
  const { runs, baseline, looks, highlight } = useComparePage();
  const run = runs.find((each) => each.id === id);
  if (!run) return null;
  const label = runLabel(run);
  return (
    <tr onPointerEnter={() => highlight.set(label)} onPointerLeave={() => highlight.set(null)}>
      <th scope="row">
        <span className={styles.run}>
          <Swatch look={looks.of(id)} />
          <Link href={`/runs/${id}`}>{run.name}</Link>
          <span className="muted">#{id}</span>
          {id === baseline && <span className="muted">baseline</span>}
        </span>
      </th>
      {columns.map(({ series, kind, values }) => (
        <Cell
          key={`${series} ${kind}`}
          series={series}
          value={values[place]}
          base={id === baseline ? undefined : values[base]}
        />
      ))}
    </tr>
  );
}

function Cell({ series, value, base }: { series: string; value: Figure; base: Figure }) {
  const { format } = chartFor(series);
  const delta = deltaOf(value, base, betterOf(series));
  return (
    <td className="number">
      {value === undefined ? "–" : Number.isFinite(value) ? format(value) : formatNumber(value)}
      {delta && (
        <span className={classes(styles.delta, delta.verdict && styles[delta.verdict])}>
          {delta.difference > 0 ? "+" : ""}
          {delta.difference === 0 ? "±0" : formatNumber(Number(delta.difference.toPrecision(2)), 6)}
          {delta.verdict && <span className="visually-hidden"> {delta.verdict}</span>}
        </span>
      )}
    </td>
  );
}

function SortHead({
  sortKey,
  label,
  isNumber,
}: {
  sortKey: string;
  label: string;
  isNumber?: boolean;
}) {
  const { address, go } = useComparePage();
  const isHere = address.sort.replace(/^-/, "") === sortKey;
  const isFalling = address.sort.startsWith("-");
  const next = isHere && !isFalling ? `-${sortKey}` : sortKey;
  return (
    <th
      scope="col"
      className={isNumber ? "number" : undefined}
      aria-sort={isHere ? (isFalling ? "descending" : "ascending") : undefined}
    >
      <button type="button" className={styles.sort} onClick={() => go({ sort: next })}>
        {label}
        {isHere &&
          (isFalling ? <ArrowDown size={12} aria-hidden /> : <ArrowUp size={12} aria-hidden />)}
      </button>
    </th>
  );
}

function sortRows(
  runs: readonly number[],
  columns: readonly SummaryColumn[],
  sort: string,
  nameOf: (id: number) => string,
): number[] {
  const key = sort.replace(/^-/, "");
  const column = columns.find((each) => keyOf(each) === key);
  if (!column && key !== "name") return [...runs];
  const value = (id: number) => (column ? column.values[runs.indexOf(id)] : nameOf(id));
  return sortedBy(runs, value, sort.startsWith("-"));
}

function keyOf({ series, kind }: SummaryColumn): string {
  return `${series}:${kind}`;
}

function kindWords(kind: Kind, series: string, newest: number): string {
  if (kind === "mean") return `mean of ${newest}`;
  return kind === "best" ? `best (${betterOf(series) === "down" ? "least" : "most"})` : kind;
}

function headOf({ series, kind }: SummaryColumn, newest: number): string {
  return `${series} ${kindWords(kind, series, newest)}`;
}

/** Full precision, as another program reads it. */
function plainText(value: Figure): string {
  return value === undefined ? "" : String(value);
}
