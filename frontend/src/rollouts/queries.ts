/** What the reader asks the server. */

import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";
import { keys } from "@/api/queries";
import type { ShownStep } from "./useShownStep";

export type Group = Schemas["GroupOut"];
export type GroupDetail = Schemas["GroupDetail"];
export type Cluster = Schemas["ClusterOut"];
export type Completion = Schemas["CompletionOut"];
export type RolloutPage = Schemas["RolloutsOut"];

const GROUPS_AT_ONCE = 16;

/** The groups of a step; asked again as more of them come in. */
export function useRollouts(runId: number, { step, groups }: ShownStep) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "rollouts", step, groups],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/rollouts", {
          params: {
            path: { run_id: runId },
            query: { step, cursor: pageParam, limit: GROUPS_AT_ONCE },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page: RolloutPage) => page.next_cursor,
    placeholderData: keepPreviousData<InfiniteData<RolloutPage, string | null>>,
    gcTime: 30_000, // following a run leaves a step behind every second
  });
}

/** A group never changes once it is written. */
const FOR_EVER = Number.POSITIVE_INFINITY;

/** One prompt with its completions and what they answer. */
export function useGroup(id: number) {
  return useQuery({
    queryKey: ["groups", id],
    queryFn: () =>
      unwrap(api.GET("/api/v1/groups/{group_id}", { params: { path: { group_id: id } } })),
    staleTime: FOR_EVER,
    placeholderData: keepPreviousData,
  });
}
