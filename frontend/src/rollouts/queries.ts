/** What the reader asks the server. */

import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";
import { keys, type RunDetail } from "@/api/queries";
import { configNumber } from "@/run/queries";
import { type Configured, configsOf } from "@/stages/queries";
import type { PromptOrder, SearchMode } from "./address";
import type { ShownStep } from "./useShownStep";

export type Group = Schemas["GroupOut"];
export type GroupDetail = Schemas["GroupDetail"];
export type Cluster = Schemas["ClusterOut"];
export type Completion = Schemas["CompletionOut"];
export type CompletionRow = Schemas["CompletionRow"];
export type Tokens = Schemas["TokensOut"];
export type CompletionNote = Schemas["CompletionNoteOut"];
export type Alike = Schemas["AlikeOut"];
export type Emergence = Schemas["EmergenceOut"];
export type ByDifficulty = Schemas["DifficultyOut"];
export type Prompt = Schemas["PromptOut"];
export type Hit = Schemas["HitOut"];
export type Bin = Schemas["BinOut"];
export type RolloutPage = Schemas["RolloutsOut"];

const MOST_GROUPS = 16;
const MOST_BYTES = 4_000_000;
const BYTES_A_TOKEN = 4;

/** Groups of a page: fewer of a run that may write long texts, for their texts come whole. */
export function groupsAtOnce(run: RunDetail): number {
  const tokens = Math.max(...configsOf(run).map(tokensOfGroup));
  const fit = Math.floor(MOST_BYTES / Math.max(1, tokens * BYTES_A_TOKEN));
  return Math.max(1, Math.min(MOST_GROUPS, fit));
}

function tokensOfGroup(config: Configured): number {
  const size = configNumber(config, "grpo.group_size");
  return size * configNumber(config, "sampling.max_new_tokens");
}

/** The groups of a step; asked again as more of them come in. */
export function useRollouts(run: RunDetail, { step, groups }: ShownStep) {
  return useInfiniteQuery({
    queryKey: [...keys.run(run.id), "rollouts", step, groups],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/rollouts", {
          params: {
            path: { run_id: run.id },
            query: { step, cursor: pageParam, limit: groupsAtOnce(run) },
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

/** Which completions of a run are meant. */
export interface Choice {
  where: readonly string[];
  starred: boolean;
}

const ROWS_AT_ONCE = 50;

/** Completions of all steps in any order, page by page. */
export function useCompletions(runId: number, choice: Choice & { sort: string }) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "completions", choice],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/completions", {
          params: {
            path: { run_id: runId },
            query: { ...choice, where: [...choice.where], cursor: pageParam, limit: ROWS_AT_ONCE },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}

/** Where the words stand; each page is what the server found within its half a second. */
export function useSearch(runId: number, choice: Choice & { q: string; mode: SearchMode }) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "search", choice],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/completions/search", {
          params: {
            path: { run_id: runId },
            query: { ...choice, where: [...choice.where], cursor: pageParam },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    retry: false, // a pattern that is refused once is refused again
  });
}

/** How often each value of a field comes. */
export function useHistogram(runId: number, field: string, where: readonly string[]) {
  return useQuery({
    queryKey: [...keys.run(runId), "histogram", field, where],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/completions/histogram", {
          params: { path: { run_id: runId }, query: { field, where: [...where] } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

/** Where the chosen completions come as a file. */
export function exportLink(runId: number, choice: Choice, format: "jsonl" | "parquet"): string {
  const where = choice.where.map((text): [string, string] => ["where", text]);
  const query = new URLSearchParams([["format", format], ...where]);
  if (choice.starred) query.set("starred", "true");
  return `/api/v1/runs/${runId}/completions/export?${query}`;
}

/** The tokens of a completion one by one; an error says of which completions they are kept. */
export function useTokens(id: string, enabled: boolean) {
  return useQuery({
    queryKey: ["completions", id, "tokens"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/completions/{completion_id}/tokens", {
          params: { path: { completion_id: id } },
        }),
      ),
    enabled,
    staleTime: FOR_EVER,
    retry: false,
  });
}

/** The groups of a run with the very prompt of this one, by step. */
export function useSamePrompt(groupId: number, run: number | null, enabled = true) {
  return useQuery({
    queryKey: ["groups", groupId, "same-prompt", run],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/groups/{group_id}/same-prompt", {
          params: { path: { group_id: groupId }, query: { run } },
        }),
      ),
    select: (list) => list.items,
    enabled,
  });
}

/** How completions change from step to step; own words are counted in a sample. */
export function useEmergence(runId: number, words: readonly string[]) {
  return useQuery({
    queryKey: [...keys.run(runId), "emergence", words],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/emergence", {
          params: { path: { run_id: runId }, query: { words: [...words] } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

/** More points than a chart is wide are no use to it. */
const MOST_SPANS = 200;

/** What is solved of which difficulty, in ranges of steps. */
export function useDifficulty(runId: number) {
  return useQuery({
    queryKey: [...keys.run(runId), "difficulty"],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/difficulty", {
          params: { path: { run_id: runId }, query: { buckets: MOST_SPANS } },
        }),
      ),
  });
}

/** Every prompt of a run once, page by page. */
export function usePrompts(runId: number, sort: PromptOrder) {
  return useInfiniteQuery({
    queryKey: [...keys.run(runId), "prompts", sort],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/prompts", {
          params: { path: { run_id: runId }, query: { sort, cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });
}
