import type { Results } from "@/api/queries";
import { formatNumber, formatPercent } from "@/ui/format";
import { Table } from "@/ui/Table";
import { formatFixedPercent } from "./PipelineGraph";
import styles from "./ResultsTable.module.css";
import { bestOf } from "./results";

interface ResultsTableProps {
  table: Results;
  /** Whether the stage's name has to tell it from other tables. */
  named: boolean;
}

/** Models by evaluations, each score with its interval of 95 %, the best of a column marked. */
export function ResultsTable({ table, named }: ResultsTableProps) {
  const { columns, rows, stage } = table;
  const best = bestOf(table);
  return (
    <section aria-label={`Results of ${stage}`} className="panel">
      <h3 className={styles.title}>
        Results {named && <span className="muted">of {stage}</span>}
        <span className={styles.note}>%, with intervals of 95 %; the best in bold</span>
      </h3>
      <Table>
        <thead>
          <tr>
            <th>Model</th>
            {columns.map((column) => (
              <th key={`${column.set} ${column.measure}`} className="number">
                <span className={styles.set}>{column.set || "Own task"}</span>
                {measureWords(column)}
              </th>
            ))}
            <th className="number">Problems</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, place) => (
            <tr key={row.model}>
              <th scope="row" title={row.model}>
                {row.label}
              </th>
              {row.scores.map((score, column) => (
                <td key={`${columns[column]?.set} ${columns[column]?.measure}`} className="number">
                  <Score score={score} isBest={best[column] === place} />
                </td>
              ))}
              <td className="number muted">{formatNumber(row.problems, 0)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}

function measureWords({ measure, k }: Results["columns"][number]): string {
  if (measure === "pass_at_1") return "pass@1";
  return `${measure === "pass_at_k" ? "pass" : "cons"}@${k}`;
}

type ScoreOf = Results["rows"][number]["scores"][number];

function Score({ score, isBest }: { score: ScoreOf; isBest: boolean }) {
  if (!score) return <span className="muted">–</span>;
  const { value, low, high } = score;
  const shown = formatFixedPercent(value);
  return (
    <span className={styles.score}>
      {isBest ? (
        <strong>
          {shown}
          <span className="visually-hidden"> (best)</span>
        </strong>
      ) : (
        shown
      )}
      {low !== null && high !== null && (
        <small title={`${formatPercent(low)} to ${formatPercent(high)}`}>
          {formatFixedPercent(low)}–{formatFixedPercent(high)}
        </small>
      )}
    </span>
  );
}
