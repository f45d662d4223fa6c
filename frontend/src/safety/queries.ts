/** What the server tells of a run's safety evaluations. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { keys, type RunDetail, type Stage } from "@/api/queries";
import type { components } from "@/api/schema.gen";
import { ofStage } from "@/stages/queries";

type Schemas = components["schemas"];
export type Safety = Schemas["SafetyOut"];
export type SafetyCategory = Schemas["SafetyCategoryOut"];
export type SafetySubcategory = Schemas["SafetySubcategoryOut"];
export type SafetyShare = Schemas["SafetyShareOut"];
export type SafetyItem = Schemas["SafetyItemOut"];

/** The series that a run with such results has. */
export const SAFETY_SERIES = "eval/safety/bare";

/** Whether a stage that evaluates has measured it: the figures of its models are no series. */
export function hasMeasuredModels(run: RunDetail, stages: readonly Stage[] = []): boolean {
  return stages.some(({ kind, name, done }) => {
    const evaluation = ofStage(run, name).config.evaluation as { safety?: unknown } | undefined;
    return kind === "evaluate" && done > 0 && Boolean(evaluation?.safety);
  });
}

/** As measured at that step, or last; `version` rises when there may be another. */
export function useSafety(runId: number, step: number | undefined, version: number) {
  return useQuery({
    queryKey: [...keys.run(runId), "safety", step, version],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/safety", {
          params: { path: { run_id: runId }, query: { step } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

/** Whose texts. */
export interface Texts {
  runId: number;
  step: number;
  category: string;
  subcategory: string;
}

/** The texts of one sub-category, page by page. */
export function useSafetyItems({ runId, step, category, subcategory }: Texts) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "safety", step, category, subcategory],
    queryFn: ({ pageParam: offset }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/safety/items", {
          params: { path: { run_id: runId }, query: { step, category, subcategory, offset } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: ({ total }, pages) => {
      const read = pages.reduce((sum, { items }) => sum + items.length, 0);
      return read < total ? read : null;
    },
  });
}
