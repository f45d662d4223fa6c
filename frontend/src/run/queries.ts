/** What the run page asks beside the live stream. */

import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, unwrap } from "@/api/client";
import { FOLLOWED_MS, keys, type RunDetail } from "@/api/queries";
import type { Facts } from "@/live/facts";
import type { RunStore } from "@/live/runStore";

const ENDED = new Set(["finished", "failed", "stopped"]);

export function hasEnded(state: string): boolean {
  return ENDED.has(state);
}

export function useTransitions(runId: number, version: number) {
  return useQuery({
    queryKey: [...keys.run(runId), "transitions", version],
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/transitions", { params: { path: { run_id: runId } } })),
    placeholderData: keepPreviousData,
    staleTime: FOLLOWED_MS,
  });
}

export function fetchLog(runId: number, offset: number | null, limit: number) {
  return unwrap(
    api.GET("/api/v1/runs/{run_id}/logs", {
      params: { path: { run_id: runId }, query: { offset, limit } },
    }),
  );
}

const LAST_LINES_BYTES = 4_000;

/** The end of the log, for a run that failed. */
export function useLastLines(runId: number, enabled: boolean) {
  return useQuery({
    queryKey: [...keys.run(runId), "last-lines"],
    queryFn: () => fetchLog(runId, null, LAST_LINES_BYTES),
    enabled,
    staleTime: FOLLOWED_MS,
  });
}

/** The changes of a run for which its row was asked again. */
const heeded = new WeakMap<RunStore, number>();

/** Asks again for what the stream only names: the run's row and its checkpoints. */
export function useFreshness(runId: number, store: RunStore, facts: Facts | null): void {
  const client = useQueryClient();
  const changes = facts ? facts.stateVersion + facts.checkpointsVersion : 0;
  useEffect(() => {
    if (changes === (heeded.get(store) ?? 0)) return;
    heeded.set(store, changes);
    void client.invalidateQueries({ queryKey: keys.run(runId) });
  }, [client, runId, store, changes]);
}

/** Numbers of a config, by dotted path; 0 where there is none. */
export function configNumber({ config }: Pick<RunDetail, "config">, path: string): number {
  let value: unknown = config;
  for (const key of path.split(".")) value = (value as Record<string, unknown> | undefined)?.[key];
  return typeof value === "number" ? value : 0;
}
