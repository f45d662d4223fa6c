/** What the comparison asks of the server. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { FetchCurves } from "./curveStore";
import { formatRuns } from "./runNumbers";

export const COMPARISON = "comparison";
export const STATISTICS = "statistics";

/** Facts and configs of runs, and newest values of these series. */
export function useComparison(runs: readonly number[], names: readonly string[]) {
  const query = { runs: formatRuns(runs), names: names.join(",") };
  return useQuery({
    queryKey: [COMPARISON, query],
    queryFn: () => unwrap(api.GET("/api/v1/comparison", { params: { query } })),
    enabled: runs.length > 0,
    placeholderData: keepPreviousData,
  });
}

/** More would make one request of seconds; the table says so. */
export const MOST_MEASURED = 500;

export function useStatistics(
  runs: readonly number[],
  names: readonly string[],
  newest: number,
  enabled = true,
) {
  const measured = runs.slice(0, MOST_MEASURED);
  const query = { runs: formatRuns(measured), names: names.join(","), newest };
  return useQuery({
    queryKey: [STATISTICS, query],
    queryFn: () => unwrap(api.GET("/api/v1/comparison/statistics", { params: { query } })),
    enabled: enabled && measured.length > 0 && names.length > 0,
    placeholderData: keepPreviousData,
  });
}

export const fetchCurves: FetchCurves = async ({ runs, names, maxPoints, fromStep, toStep }) => {
  const answer = await unwrap(
    api.GET("/api/v1/metrics", {
      params: {
        query: {
          runs: runs.join(","),
          names: names.join(","),
          max_points: maxPoints,
          from_step: fromStep,
          to_step: toStep,
        },
      },
    }),
  );
  return answer.runs;
};
