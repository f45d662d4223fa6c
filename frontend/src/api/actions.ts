/** Everything the pages ask the server to do. Each says what failed in a toast. */

import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { useToast } from "@/ui/toast";
import { api, type Schemas, unwrap } from "./client";
import { asProblem } from "./problem";
import { keys } from "./queries";

export function useAction<Input, Output>(
  act: (input: Input) => Promise<Output>,
  done: (client: QueryClient, output: Output) => void = refreshRuns,
) {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: act,
    onSuccess: (output) => done(client, output),
    onError: (error) => {
      const problem = asProblem(error);
      toast({ kind: "error", text: problem.errors[0]?.message ?? problem.message });
    },
  });
}

function refreshRuns(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: keys.runs });
  void client.invalidateQueries({ queryKey: keys.deleted });
  void client.invalidateQueries({ queryKey: keys.queue });
}

const at = (id: number) => ({ params: { path: { run_id: id } } });

export function useStopRun() {
  return useAction((input: { id: number } & Partial<Schemas["StopIn"]>) =>
    unwrap(
      api.POST("/api/v1/runs/{run_id}/stop", {
        ...at(input.id),
        body: { reason: input.reason ?? "" },
      }),
    ),
  );
}

export function useResumeRun() {
  return useAction((input: { id: number } & Partial<Schemas["ResumeIn"]>) =>
    unwrap(
      api.POST("/api/v1/runs/{run_id}/resume", {
        ...at(input.id),
        body: { checkpoint: input.checkpoint ?? null },
      }),
    ),
  );
}

export function usePauseRun() {
  return useAction((input: { id: number } & Partial<Schemas["StopIn"]>) =>
    unwrap(
      api.POST("/api/v1/runs/{run_id}/pause", {
        ...at(input.id),
        body: { reason: input.reason ?? "" },
      }),
    ),
  );
}

export function useContinueRun() {
  return useAction((input: { id: number }) =>
    unwrap(api.POST("/api/v1/runs/{run_id}/continue", at(input.id))),
  );
}

/** Its name has to be given, so that it is not another. The page of the run must not ask again. */
export function useDeleteRun() {
  return useAction(
    (input: { id: number; name: string }) =>
      unwrap(
        api.DELETE("/api/v1/runs/{run_id}", {
          params: { path: { run_id: input.id }, query: { name: input.name } },
        }),
      ),
    (client) => {
      void client.invalidateQueries({ queryKey: keys.runs, refetchType: "none" });
      void client.invalidateQueries({ queryKey: keys.deleted });
    },
  );
}

export function useRestoreRun() {
  return useAction((input: { id: number }) =>
    unwrap(api.POST("/api/v1/runs/{run_id}/restore", at(input.id))),
  );
}

export function usePatchRun() {
  return useAction((input: { id: number } & Schemas["RunPatch"]) => {
    const { id, ...body } = input;
    return unwrap(api.PATCH("/api/v1/runs/{run_id}", { ...at(id), body }));
  });
}

/** Starts a run; the same `key` twice starts it once. */
export function useCreateRun() {
  return useAction((input: { body: Omit<Schemas["RunIn"], "priority">; key: string }) =>
    unwrap(
      api.POST("/api/v1/runs", {
        body: { ...input.body, priority: ORDINARY },
        headers: { "Idempotency-Key": input.key },
      }),
    ),
  );
}

/** The priority of a new run; the queue page changes it. */
const ORDINARY = 0;

export function useForkRun() {
  return useAction((input: { id: number; body: Schemas["ForkIn"] }) =>
    unwrap(api.POST("/api/v1/runs/{run_id}/fork", { ...at(input.id), body: input.body })),
  );
}

const node = (id: number) => ({ params: { path: { node_id: id } } });

function refreshNodes(client: QueryClient): void {
  void client.invalidateQueries({ queryKey: keys.nodes });
  refreshRuns(client);
}

export function usePatchNode() {
  return useAction((input: { id: number } & Schemas["NodePatch"]) => {
    const { id, ...body } = input;
    return unwrap(api.PATCH("/api/v1/nodes/{node_id}", { ...node(id), body }));
  }, refreshNodes);
}

/** Takes it out of use; with `requeue` its runs save and go back into the queue. */
export function useDrainNode() {
  return useAction(
    (input: { id: number; requeue: boolean }) =>
      unwrap(
        api.POST("/api/v1/nodes/{node_id}/drain", {
          ...node(input.id),
          body: { requeue: input.requeue },
        }),
      ),
    refreshNodes,
  );
}
