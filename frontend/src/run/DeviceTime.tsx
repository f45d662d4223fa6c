import type { components } from "@/api/schema.gen";
import {
  formatDeviceHours,
  formatDuration,
  formatMoney,
  formatNumber,
  formatPercent,
} from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import styles from "@/ui/table.module.css";
import { hasEnded, useForecast, useLedger } from "./queries";
import type { TabProps } from "./RunPage";

type Sum = components["schemas"]["SumOut"];

/** What the ledger has booked for the run's devices, and what it still takes. */
export function DeviceTime({ run, facts }: TabProps) {
  const ended = hasEnded(facts.state);
  const query = useLedger(run.id, facts.stateVersion, ended);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  const { entries, totals } = query.data;
  const all = totals.reduce((sum, total) => sum + total.device_ms, 0);
  return (
    <section className={styles.section}>
      <h3>Device time</h3>
      {entries.length === 0 ? (
        <EmptyState title="No device held yet">
          Every second is booked here once the run has devices.
        </EmptyState>
      ) : (
        <Table>
          <thead>
            <tr>
              <th>Stage</th>
              <th>Phase</th>
              <th>Device</th>
              <th className="number">Device time</th>
              <th className="number">Share</th>
              <th className="number">Cost</th>
              <th className="number">Energy</th>
              <th className="number">CO₂</th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={`${entry.stage} ${entry.phase} ${entry.device_model} ${entry.currency}`}>
                <td>{entry.stage}</td>
                <th scope="row">{entry.phase}</th>
                <td>{entry.device_model}</td>
                <Figures sum={entry} all={all} />
              </tr>
            ))}
          </tbody>
          <tfoot>
            {totals.map((total) => (
              <tr key={total.currency}>
                <th scope="row" colSpan={3}>
                  {totals.length > 1 ? `All in ${total.currency}` : "All"}
                </th>
                <Figures sum={total} all={all} />
              </tr>
            ))}
          </tfoot>
        </Table>
      )}
      {!ended && <Forecast runId={run.id} />}
    </section>
  );
}

function Figures({ sum, all }: { sum: Sum; all: number }) {
  return (
    <>
      <td className="number">{formatDuration(sum.device_ms / 1000)}</td>
      <td className="number">{formatPercent(all ? sum.device_ms / all : null)}</td>
      <td className="number">{formatMoney(sum.micros / 1e6, sum.currency)}</td>
      <td className="number" title={sum.energy_estimated ? "Estimated by rated power" : "Measured"}>
        {sum.energy_estimated && "≈ "}
        {formatEnergy(sum.energy_mj)}
      </td>
      <td className="number">{tenths(sum.co2_g)} g</td>
    </>
  );
}

/** Millijoules → "0.4 Wh", "12.5 kWh". */
function formatEnergy(mj: number): string {
  const wh = mj / 3.6e6;
  return wh < 1000 ? `${tenths(wh)} Wh` : `${tenths(wh / 1000)} kWh`;
}

function tenths(value: number): string {
  return value > 0 && value < 0.1 ? "<0.1" : formatNumber(value, 1);
}

function Forecast({ runId }: { runId: number }) {
  const { data } = useForecast(runId);
  if (!data) return null;
  const { device_hours: hours, micros } = data;
  return (
    <p className="muted">
      {hours ? (
        <>
          At its own speed the {formatNumber(data.steps, 0)} steps that are left take{" "}
          {formatDeviceHours(hours.mid)} device-hours ({formatDeviceHours(hours.low)} to{" "}
          {formatDeviceHours(hours.high)})
          {micros && data.currency && `, ${formatMoney(micros.mid / 1e6, data.currency)}`}.
        </>
      ) : (
        data.reason
      )}
    </p>
  );
}
