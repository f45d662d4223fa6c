/** Whom one may talk to, and asking. */

import { useQuery } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";
import { keys } from "@/api/queries";

export type Speaker = Schemas["SpeakerOut"];
export type Question = Schemas["AnswerIn"];

/** What the run started from, then its checkpoints, oldest first. */
export function useModels(runId: number) {
  return useQuery({
    queryKey: keys.models(runId),
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/models", { params: { path: { run_id: runId } } })),
    select: (list) => list.items,
  });
}

/** The id under which the answer comes. */
export async function ask(body: Question): Promise<string> {
  return (await unwrap(api.POST("/api/v1/playground/answers", { body }))).id;
}
