/** The axis, the zoom and the cursor that all charts of a comparison share. */

import { createContext, useContext, useMemo } from "react";
import { type Axis, type Clock, clockOf, wholeRange } from "@/charts/clock";
import type { PlotGroup } from "@/charts/group";
import { roundStep } from "@/charts/viewAddress";
import type { CurveStore } from "./curveStore";
import type { ComparedRun } from "./fields";
import { useComparePage } from "./page";

export interface CompareGroup extends PlotGroup {
  /** Where the points of each drawn run stand; none for a run that the axis means nothing to. */
  clocks: Map<number, Clock>;
  /** The range without a zoom. */
  whole: [number, number];
}

const Context = createContext<CompareGroup | null>(null);

export const PlotGroupProvider = Context.Provider;

export function useCompareGroup(): CompareGroup {
  const group = useContext(Context);
  if (!group) throw new Error("A chart stands outside of a comparison.");
  return group;
}

const same = (place: number) => place;

export function usePlotGroup(axis: Axis): CompareGroup {
  const { address, go, runs, drawn, store } = useComparePage();
  const { version } = store;
  // biome-ignore lint/correctness/useExhaustiveDependencies: tables grow in place; version tells
  const clocks = useMemo(() => clocksOf(axis, runs, drawn, store), [axis, runs, drawn, version]);
  const [start, end] = rangeOf(clocks, runs, store, address.logX);
  const [from, to] = address.zoom ?? [start, end];
  return useMemo(
    () => ({
      clocks,
      clock: { axis, placeOf: same, stepAt: same },
      view: address,
      range: [from, to],
      whole: [start, end],
      onZoom: (range) => go({ zoom: range && [roundStep(range[0]), roundStep(range[1])] }),
      pinned: null,
      onPin: () => undefined,
    }),
    [clocks, axis, address, from, to, start, end, go],
  );
}

function clocksOf(
  axis: Axis,
  runs: readonly ComparedRun[],
  drawn: readonly number[],
  store: CurveStore,
): Map<number, Clock> {
  const shown = new Set(drawn);
  const clocks = new Map<number, Clock>();
  for (const run of runs) {
    const table = store.table(run.id);
    const isMeant = axis !== "tokens" || table.get("tokens/total") !== undefined;
    if (!shown.has(run.id) || !isMeant) continue;
    const start = new Date(run.started_at ?? run.created_at).getTime() / 1000;
    const holds = run.holds.map((hold) => ({
      from: hold.since,
      to: hold.until,
      devices: hold.devices,
      usdPerHour: hold.usd_per_hour,
    }));
    clocks.set(run.id, clockOf(table, axis, { start, holds }));
  }
  return clocks;
}

/** From the beginning to the end of the longest; a logarithmic axis begins at its first step. */
function rangeOf(
  clocks: ReadonlyMap<number, Clock>,
  runs: readonly ComparedRun[],
  store: CurveStore,
  logX: boolean,
): [number, number] {
  const ends = runs.flatMap((run) => {
    const clock = clocks.get(run.id);
    return clock ? [wholeRange(store.table(run.id), clock, run.step)[1]] : [];
  });
  const to = Math.max(1e-6, ...ends);
  return [logX ? to / 1e3 : 0, to];
}
