import { formatDuration, formatPercent } from "@/ui/format";
import { EmptyState } from "@/ui/Message";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";
import type { Entry, Sum } from "./queries";
import { byStage, deviceMs, formatCo2, formatEnergy, formatMicros } from "./sums";

interface BookingsProps {
  entries: readonly Entry[];
  totals: readonly Sum[];
}

/** What was booked, by stage, phase and device model: as bars, then as figures. */
export function Bookings({ entries, totals }: BookingsProps) {
  if (entries.length === 0) {
    return (
      <EmptyState title="No device held yet">
        Every second is booked here once there are devices.
      </EmptyState>
    );
  }
  const all = deviceMs(totals);
  return (
    <section className={table.section}>
      <h3>Device time by stage and phase</h3>
      <Bars entries={entries} />
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
              <th scope="row">
                <span className={styles.phase}>
                  <span className={styles.swatch} data-phase={entry.phase} aria-hidden />
                  {entry.phase}
                </span>
              </th>
              <td>{entry.device_model}</td>
              <td className="number">{formatDuration(entry.device_ms / 1000)}</td>
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
              <td className="number">{formatDuration(total.device_ms / 1000)}</td>
              <Figures sum={total} all={all} />
            </tr>
          ))}
        </tfoot>
      </Table>
    </section>
  );
}

/** One bar a stage, its phases beside each other, as long as its part of the longest one's time. */
function Bars({ entries }: { entries: readonly Entry[] }) {
  const stages = byStage(entries);
  const longest = Math.max(...stages.map(({ device_ms }) => device_ms)) || 1;
  return (
    <div className={styles.bars} aria-hidden>
      {stages.map(({ stage, device_ms, phases }) => (
        <div key={stage} className={styles.row}>
          <span className={styles.stage}>{stage}</span>
          <span className={styles.track}>
            {phases.map((one) => (
              <span
                key={one.phase}
                className={styles.part}
                data-phase={one.phase}
                title={`${one.phase}: ${formatDuration(one.device_ms / 1000)}`}
                style={{ width: `${(100 * one.device_ms) / longest}%` }}
              />
            ))}
          </span>
          <span className={styles.length}>{formatDuration(device_ms / 1000)}</span>
        </div>
      ))}
    </div>
  );
}

/** What its tables end with: share, cost, energy and CO₂. */
export function Figures({ sum, all }: { sum: Sum; all: number }) {
  return (
    <>
      <td className="number">{formatPercent(all ? sum.device_ms / all : null)}</td>
      <td className="number">{formatMicros(sum.micros, sum.currency)}</td>
      <td className="number">
        {formatEnergy(sum.energy_mj)}
        {sum.energy_estimated && <span className="muted"> estimated</span>}
      </td>
      <td className="number">{formatCo2(sum.co2_g)}</td>
    </>
  );
}
