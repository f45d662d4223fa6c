/** What the server tells of a run's safety evaluation. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { keys } from "@/api/queries";
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type Safety = Schemas["SafetyOut"];
export type SafetyCategory = Schemas["SafetyCategoryOut"];
export type SafetySubcategory = Schemas["SafetySubcategoryOut"];
export type SafetyShare = Schemas["SafetyShareOut"];
export type SafetyItem = Schemas["SafetyItemOut"];

/** The series that a run with such results has. */
export const SAFETY_SERIES = "eval/safety/bare";

export function useSafety(runId: number) {
  return useQuery({
    queryKey: [...keys.run(runId), "safety"],
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/safety", { params: { path: { run_id: runId } } })),
  });
}

/** The texts of one sub-category, page by page. */
export function useSafetyItems(runId: number, category: string, subcategory: string) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "safety", category, subcategory],
    queryFn: ({ pageParam: offset }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/safety/items", {
          params: { path: { run_id: runId }, query: { category, subcategory, offset } },
        }),
      ),
    initialPageParam: 0,
    getNextPageParam: ({ total }, pages) => {
      const read = pages.reduce((sum, { items }) => sum + items.length, 0);
      return read < total ? read : null;
    },
  });
}
