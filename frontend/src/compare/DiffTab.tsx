import { classes } from "@/ui/classes";
import { plural } from "@/ui/format";
import { EmptyState } from "@/ui/Message";
import { Table } from "@/ui/Table";
import { CopyTable } from "./CopyTable";
import { configDiff } from "./configDiff";
import styles from "./DiffTab.module.css";
import { runLabel, useComparePage } from "./page";
import { Swatch } from "./RunLegend";

/** Columns that a page can hold; copying takes all. */
const MOST_COLUMNS = 60;

/** The config fields in which runs differ from the baseline, the most frequent ones first. */
export function DiffTab() {
  const { fields, runs, shown, baseline, looks } = useComparePage();
  const order = [baseline, ...shown.filter((id) => id !== baseline)];
  const rows = configDiff(fields, order, baseline);
  const labels = new Map(runs.map((run) => [run.id, runLabel(run)]));
  const label = (id: number) => labels.get(id) ?? `#${id}`;
  if (rows.length === 0) {
    return (
      <EmptyState title="The configs are the same">
        All {Object.keys(fields.comparison.config.common).length} fields of these runs have the same
        value.
      </EmptyState>
    );
  }
  const columns = order.slice(0, MOST_COLUMNS);
  const table = {
    head: ["field", ...order.map(label)],
    rows: rows.map(({ path, values }) => [path, ...values.map((value) => value ?? "")]),
  };
  return (
    <div className={styles.tab}>
      <div className={styles.bar}>
        <p>
          {plural(rows.length, "field")} differ from <strong>{label(baseline)}</strong>, the
          baseline.
        </p>
        <CopyTable what="Config diff" table={table} />
      </div>
      {order.length > MOST_COLUMNS && (
        <p className="muted">
          {MOST_COLUMNS} of {order.length} runs stand here; copying takes all of them.
        </p>
      )}
      <Table panel>
        <caption className="visually-hidden">
          Config fields that differ, with the value of each run.
        </caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col" className="number">
              Differs in
            </th>
            {columns.map((id, index) => (
              <th key={id} scope="col">
                <span className={styles.run}>
                  <Swatch look={looks.of(id)} />
                  {label(id)}
                  {index === 0 && " (baseline)"}
                </span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ path, values, changed, count }) => (
            <tr key={path}>
              <th scope="row">
                <code>{path}</code>
              </th>
              <td className="number">{count}</td>
              {columns.map((id, index) => (
                <td key={id} className={classes(changed[index] && styles.changed)}>
                  <code>{values[index] ?? "not set"}</code>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
