import { formatDeviceHours, formatNumber } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";
import { type Sum, useReference } from "./queries";
import { deviceMs, formatDollars, moneyWords } from "./sums";

interface PublishedProps {
  /** To stand among them: a run and what was booked for it. */
  run?: { name: string; device: string; totals: readonly Sum[] };
}

/** What others have published of their cost, part by part. */
export function Published({ run }: PublishedProps) {
  const query = useReference();
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  return (
    <section className={table.section}>
      <h3>Published accounts</h3>
      <Table>
        <thead>
          <tr>
            <th>Account</th>
            <th>Part</th>
            <th>Device</th>
            <th className="number">Device-hours</th>
            <th className="number">Cost</th>
          </tr>
        </thead>
        <tbody>
          {run && (
            <tr>
              <th scope="row">
                <strong>{run.name}</strong>
              </th>
              <td>This run</td>
              <td>{run.device}</td>
              <td className="number">{formatDeviceHours(deviceMs(run.totals) / 3.6e6)}</td>
              <td className="number">{moneyWords(run.totals)}</td>
            </tr>
          )}
          {query.data.published.map((row) => (
            <tr key={`${row.account} ${row.part}`}>
              <th scope="row">{row.account}</th>
              <td>{row.is_total ? <strong>{row.part}</strong> : row.part}</td>
              <td>{row.device_model}</td>
              <td className="number">{formatNumber(row.gpu_hours, 0)}</td>
              <td className="number">{formatDollars(row.usd)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      <ul className={styles.assumptions}>
        {[...new Set(query.data.published.map(({ source }) => source))].map((source) => (
          <li key={source}>{source}</li>
        ))}
      </ul>
    </section>
  );
}
