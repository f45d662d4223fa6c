import { formatDeviceHours, formatDuration, formatPercent } from "@/ui/format";
import styles from "./ledger.module.css";
import type { Entry, Sum } from "./queries";
import { deviceMs, formatCo2, formatEnergy, moneyWords, wasteOf } from "./sums";

interface TotalsProps {
  entries: readonly Entry[];
  totals: readonly Sum[];
  co2PerKwh: number;
}

/** What all of it came to, and how much of that was for nothing. */
export function Totals({ entries, totals, co2PerKwh }: TotalsProps) {
  const energy = totals.reduce((sum, { energy_mj }) => sum + energy_mj, 0);
  const co2 = totals.reduce((sum, { co2_g }) => sum + co2_g, 0);
  const estimated = totals.some(({ energy_estimated }) => energy_estimated);
  const figures: [string, string, string][] = [
    ["Cost", moneyWords(totals), "by the price book"],
    ["Device-hours", formatDeviceHours(deviceMs(totals) / 3.6e6), "held, loading included"],
    [
      "Energy",
      formatEnergy(energy),
      estimated ? "estimated where it was not measured" : "measured by the GPUs",
    ],
    ["CO₂", formatCo2(co2), `at ${co2PerKwh} g/kWh`],
  ];
  return (
    <>
      <dl className={styles.figures}>
        {figures.map(([name, value, note]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {value}
              <span className={styles.note}>{note}</span>
            </dd>
          </div>
        ))}
      </dl>
      {entries.length > 0 && <WasteWords entries={entries} />}
    </>
  );
}

function WasteWords({ entries }: { entries: readonly Entry[] }) {
  const waste = wasteOf(entries);
  if (!waste) return <p className={styles.words}>Nothing was wasted: no work was lost.</p>;
  return (
    <p className={styles.words}>
      <strong>{formatPercent(waste.share)} was wasted</strong>:{" "}
      {formatDuration(waste.device_ms / 1000)} of device time ({waste.money}) went into work that a
      crash lost, or that was done again.
    </p>
  );
}
