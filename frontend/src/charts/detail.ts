/** A closer look at a stretch of a long run: exact points once they are few enough. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api, unwrap } from "@/api/client";
import { Column } from "@/live/column";
import { type Series, type SeriesSnapshot, seriesOf } from "@/live/series";
import { type ChartSpec, seriesOfChart } from "./catalogue";
import { firstAbove } from "./clock";
import type { ChartGroup } from "./group";
import type { SeriesSource } from "./plotData";

/** Two for each pixel of a wide chart; buckets keep their extremes anyway. */
const DETAIL_POINTS = 2_000;

/** The chart's series, asked for where the page lacks them, or has them thinned in what is zoomed. */
export function useDetail(spec: ChartSpec, group: ChartGroup): SeriesSource {
  const { table, runId } = group;
  const { zoom } = group.view;
  const names = seriesOfChart(spec);
  const { need } = group;
  useEffect(() => need(seriesOfChart(spec)), [need, spec]);
  const thinned = names.some((name) => isThinned(table.get(name)));
  const [from, to] = wholeSteps(zoom ?? [0, 0]);
  const query = useQuery({
    queryKey: ["metrics", runId, table.generation, names, from, to],
    queryFn: () => fetchStretch(runId, names, from, to),
    enabled: zoom !== null && thinned,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const fetched = zoom && thinned ? query.data : undefined;
  return useMemo(
    () => (name) => (fetched ? withTail(fetched.get(name), table.get(name), to) : table.get(name)),
    [fetched, table, to],
  );
}

/** The steps between two places, those just beyond fractions included. */
function wholeSteps([from, to]: readonly [number, number]): [number, number] {
  return [Math.max(0, Math.floor(from)), Math.max(0, Math.ceil(to))];
}

export function isThinned(series: Series | undefined): boolean {
  return series !== undefined && series.total > series.steps.length;
}

async function fetchStretch(runId: number, names: readonly string[], from: number, to: number) {
  const answer = await unwrap(
    api.GET("/api/v1/runs/{run_id}/metrics", {
      params: {
        path: { run_id: runId },
        query: {
          names: names.join(","),
          from_step: from,
          to_step: to,
          max_points: DETAIL_POINTS,
        },
      },
    }),
  );
  return new Map(answer.series.map((one: SeriesSnapshot) => [one.name, seriesOf(one)]));
}

/** What was fetched, and what came in live since, up to step `to`. */
export function withTail(
  fetched: Series | undefined,
  live: Series | undefined,
  to: number,
): Series | undefined {
  if (!fetched || !live) return fetched ?? live;
  const steps = live.steps.view();
  const newest = fetched.steps.length > 0 ? fetched.steps.at(-1) : Number.NEGATIVE_INFINITY;
  const [from, end] = [firstAbove(steps, newest), firstAbove(steps, to)];
  if (from >= end) return fetched;
  const joined = (key: "steps" | "times" | "values" | "low" | "high" | "last" | "odd") =>
    new Column([...fetched[key].view(), ...live[key].view().subarray(from, end)]);
  return {
    ...fetched,
    steps: joined("steps"),
    times: joined("times"),
    values: joined("values"),
    low: joined("low"),
    high: joined("high"),
    last: joined("last"),
    odd: joined("odd"),
    total: fetched.total + end - from,
  };
}

/** How many points the chart's longest line shows of how many that there are. */
export function shownOf(
  spec: ChartSpec,
  source: SeriesSource,
  zoom: readonly [number, number] | null,
): { shown: number; total: number } {
  const all = spec.lines.map((line) => source(line.series)).filter((one) => one !== undefined);
  const most = all.reduce<Series | undefined>(
    (best, one) => (best && best.total >= one.total ? best : one),
    undefined,
  );
  if (!most) return { shown: 0, total: 0 };
  const steps = most.steps.view();
  if (!zoom) return { shown: steps.length, total: most.total };
  const [from, to] = wholeSteps(zoom);
  const shown = firstAbove(steps, to) - firstAbove(steps, from - 1);
  return { shown, total: isThinned(most) ? most.total : shown };
}
