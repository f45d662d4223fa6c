/** Where a run's data and checkpoints come from. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";
import { FOLLOWED_MS, keys } from "@/api/queries";
import type { Facts } from "@/live/facts";

export type Provenance = Schemas["ProvenanceOut"];
export type UsedDataset = Schemas["UsedDataset"];
export type Ancestor = Schemas["Ancestor"];
export type CheckpointLine = Schemas["CheckpointLine"];

/** Asked again whenever the stream tells of a stage's begin or a checkpoint. */
export function useProvenance(runId: number, facts: Facts) {
  const version = facts.stagesVersion + facts.checkpointsVersion;
  return useQuery({
    queryKey: [...keys.run(runId), "provenance", version],
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/provenance", { params: { path: { run_id: runId } } })),
    placeholderData: keepPreviousData,
    staleTime: FOLLOWED_MS,
  });
}
