/** A closer look at a stretch of many long runs: more of their points, where they were thinned. */

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { isThinned } from "@/charts/detail";
import { type Series, seriesOf } from "@/live/series";
import { batches, pointsFor } from "./curveStore";
import { useComparePage } from "./page";
import { useCompareGroup } from "./plotGroup";
import { fetchCurves } from "./queries";
import { formatRuns } from "./runNumbers";

export function useOverlayDetail(series: string): (run: number) => Series | undefined {
  const { address, drawn, store } = useComparePage();
  const { clocks } = useCompareGroup();
  const thinned = address.zoom
    ? drawn.filter((run) => isThinned(store.table(run).get(series)))
    : [];
  const [from, to] = stepsOf(address.zoom, thinned, clocks);
  const query = useQuery({
    queryKey: ["metrics", formatRuns(thinned), series, from, to],
    queryFn: async () => {
      const maxPoints = pointsFor(thinned.length);
      const names = [series];
      const asked = batches(thinned).map((runs) =>
        fetchCurves({ runs, names, maxPoints, fromStep: from, toStep: to }),
      );
      const found = (await Promise.all(asked)).flat();
      return new Map(
        found.flatMap(({ run, series: [one] }) => (one ? [[run, seriesOf(one)] as const] : [])),
      );
    },
    enabled: thinned.length > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const fetched = thinned.length > 0 ? query.data : undefined;
  return useMemo(
    () => (run) => fetched?.get(run) ?? store.table(run).get(series),
    [fetched, store, series],
  );
}

/** The steps between two places on the axis, of the runs that reach furthest. */
function stepsOf(
  zoom: [number, number] | null,
  runs: readonly number[],
  clocks: ReadonlyMap<number, { stepAt: (place: number) => number }>,
): [number, number] {
  if (!zoom) return [0, 0];
  const found = runs.flatMap((run) => {
    const clock = clocks.get(run);
    return clock ? [[clock.stepAt(zoom[0]), clock.stepAt(zoom[1])] as const] : [];
  });
  const whole = (step: number) => (Number.isFinite(step) ? Math.max(0, step) : 0);
  return [
    whole(Math.floor(Math.min(...found.map(([first]) => first)))),
    whole(Math.ceil(Math.max(...found.map(([, last]) => last)))),
  ];
}
