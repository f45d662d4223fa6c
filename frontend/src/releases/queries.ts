/** Releases: what is asked of the server, and what it is asked to do. */

import { useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";
import { FOLLOWED_MS, keys } from "@/api/queries";

export type Release = Schemas["ReleaseOut"];
export type Dtype = Schemas["ReleaseDtype"];

const key = (runId: number) => [...keys.run(runId), "releases"];

/** While one is being made its row tells how far it is. */
const MAKING_MS = 2_000;
export const isOpen = (release: Release) =>
  release.state === "queued" || release.state === "exporting";

export function useReleases(runId: number) {
  return useQuery({
    queryKey: key(runId),
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/releases", { params: { path: { run_id: runId } } })),
    staleTime: FOLLOWED_MS,
    refetchInterval: (query) => (query.state.data?.items.some(isOpen) ? MAKING_MS : false),
  });
}

/** `release` only when its files are to be seen; made anew, they are asked for anew. */
export function useReleaseFiles(release: Release) {
  return useQuery({
    queryKey: [...key(release.run), release.id, release.ended_at],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/releases/{release_id}/files", {
          params: { path: { release_id: release.id } },
        }),
      ),
    select: (list) => list.items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useAskRelease(runId: number) {
  return useAction(
    (input: { checkpoint: number; dtype: Dtype; push: string | null }) =>
      unwrap(
        api.POST("/api/v1/checkpoints/{checkpoint_id}/releases", {
          params: { path: { checkpoint_id: input.checkpoint } },
          body: { dtype: input.dtype, push: input.push },
        }),
      ),
    (client) => void client.invalidateQueries({ queryKey: key(runId) }),
  );
}
