import { configNumber, hasEnded } from "@/run/queries";
import type { TabProps } from "@/run/RunPage";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Bookings } from "./Bookings";
import { Budgets } from "./Budgets";
import { Published } from "./Published";
import { useLedger } from "./queries";
import { ToFinish } from "./ToFinish";
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
