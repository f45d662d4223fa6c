import { useMemo } from "react";
import type { Series } from "@/live/series";
import type { Look } from "./looks";
import type { Entry } from "./overlay";
import { runLabel, useComparePage } from "./page";
import { useCompareGroup } from "./plotGroup";

export interface LookedEntry extends Entry {
  look: Look;
}

/** The lines of a chart: runs or groups, and pinned runs and the baseline beside groups, on top. */
export function useEntries(source: (run: number) => Series | undefined): LookedEntry[] {
  const { runs, drawn, groups, looks, address, baseline, store } = useComparePage();
  const { clocks } = useCompareGroup();
  const { version } = store;
  // biome-ignore lint/correctness/useExhaustiveDependencies: series grow in place; version tells
  return useMemo(() => {
    const shown = new Set(drawn);
    const sourcesOf = (ids: readonly number[]) =>
      ids.flatMap((id) => {
        const clock = clocks.get(id);
        return shown.has(id) && clock ? [{ series: source(id), clock }] : [];
      });
    const stands = (id: number) => address.pinned.includes(id) || id === address.baseline;
    const alone = runs.filter((run) => shown.has(run.id) && (!groups || stands(run.id)));
    const single = alone.map((run) => ({
      label: runLabel(run),
      look: looks.of(run.id),
      strong: stands(run.id),
      sources: sourcesOf([run.id]),
      isGroup: false,
    }));
    const grouped = (groups ?? []).map((group) => ({
      label: group.label,
      look: group.look,
      strong: false,
      sources: sourcesOf(group.runs),
      isGroup: true,
    }));
    const all = [...grouped, ...single].filter(({ sources }) => sources.length > 0);
    const below = all.sort((a, b) => Number(a.strong) - Number(b.strong));
    return below.map((entry, place) => ({ ...entry, colour: place, dash: entry.look.dash }));
  }, [
    runs,
    drawn,
    groups,
    looks,
    address.pinned,
    address.baseline,
    baseline,
    clocks,
    source,
    version,
  ]);
}
