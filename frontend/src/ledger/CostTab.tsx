import { configNumber, hasEnded } from "@/run/queries";
import type { TabProps } from "@/run/RunPage";
import { plural } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import table from "@/ui/table.module.css";
import { Bookings } from "./Bookings";
import { Budgets } from "./Budgets";
import styles from "./ledger.module.css";
import { Published } from "./Published";
import { useForecast, useLedger } from "./queries";
import { Ranges } from "./Ranges";
import { Totals } from "./Totals";
import { WhatIfForm } from "./WhatIfForm";

/** What a run took, what it still takes, and what it would have taken elsewhere. */
export default function CostTab({ run, facts }: TabProps) {
  const ended = hasEnded(facts.state);
  const query = useLedger(run.id, facts.stateVersion, ended);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={8} />;
  const { entries, totals, co2_g_per_kwh } = query.data;
  const device = mostUsed(entries);
  return (
    <>
      <Totals entries={entries} totals={totals} co2PerKwh={co2_g_per_kwh} />
      <Bookings entries={entries} totals={totals} />
      {!ended && <ToFinish runId={run.id} />}
      <Budgets scope={{ run: run.id }} facts={facts} href={`/runs/${run.id}?tab=alerts`} />
      {entries.length > 0 && (
        <WhatIfForm
          runId={run.id}
          device={device}
          devices={configNumber(run, "hardware.processes") || 1}
        />
      )}
      <Published run={{ name: `${run.name} · #${run.id}`, device: device || "–", totals }} />
    </>
  );
}

/** The device model with the longest booking. */
function mostUsed(entries: readonly { device_model: string; device_ms: number }[]): string {
  return entries.toSorted((a, b) => b.device_ms - a.device_ms)[0]?.device_model ?? "";
}

function ToFinish({ runId }: { runId: number }) {
  const { data } = useForecast(runId);
  if (!data) return <SkeletonLines lines={3} />;
  const { seconds, device_hours: hours, micros, currency } = data;
  return (
    <section className={table.section}>
      <h3>To finish</h3>
      {seconds && hours && micros && currency ? (
        <>
          <p className={styles.words}>
            At its own speed the {plural(data.steps, "step")} that are left take:
          </p>
          <Ranges
            seconds={seconds}
            hours={hours}
            micros={micros}
            currency={currency}
            assumptions={data.assumptions ?? []}
          />
        </>
      ) : (
        <p className={styles.words}>{data.reason}</p>
      )}
    </section>
  );
}
