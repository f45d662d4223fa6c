/** Projects, where their alerts go, and what they take. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";
import { keys } from "@/api/queries";

const at = (slug: string) => ({ params: { path: { slug } } });
const ofTarget = (id: number) => ({ params: { path: { target_id: id } } });

export function useProjects() {
  return useQuery({
    queryKey: [...keys.projects, "list"],
    queryFn: () => unwrap(api.GET("/api/v1/projects")),
    select: (list) => list.items,
    refetchInterval: 60_000,
  });
}

/** The largest first. */
export function useSizes(slug: string) {
  return useInfiniteQuery({
    queryKey: keys.sizes(slug),
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/projects/{slug}/sizes", {
          params: { path: { slug }, query: { cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    select: (data) => data.pages.flatMap((page) => page.items),
  });
}

export function useTargets(slug: string) {
  return useQuery({
    queryKey: keys.targets(slug),
    queryFn: () => unwrap(api.GET("/api/v1/projects/{slug}/alert-targets", at(slug))),
    select: (list) => list.items,
  });
}

export type DeliveryStatus = Schemas["DeliveryStatus"];

/** Newest first; soon again while one is under way. */
export function useDeliveries(slug: string, status: DeliveryStatus | null) {
  return useInfiniteQuery({
    queryKey: [...keys.deliveries(slug), status],
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/projects/{slug}/alert-deliveries", {
          params: { path: { slug }, query: { status, cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    select: (data) => data.pages.flatMap((page) => page.items),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) =>
      state.data?.pages[0]?.items.some((one) => one.status === "pending") ? 1_500 : 15_000,
  });
}

export function useAddTarget(slug: string) {
  return useAction(
    (body: Schemas["TargetIn"]) =>
      unwrap(api.POST("/api/v1/projects/{slug}/alert-targets", { ...at(slug), body })),
    (client) => void client.invalidateQueries({ queryKey: keys.targets(slug) }),
  );
}

export function useEditTarget(slug: string) {
  return useAction(
    ({ id, ...body }: { id: number } & Schemas["TargetPatch"]) =>
      unwrap(api.PATCH("/api/v1/alert-targets/{target_id}", { ...ofTarget(id), body })),
    (client) => void client.invalidateQueries({ queryKey: keys.targets(slug) }),
  );
}

export function useDeleteTarget(slug: string) {
  return useAction(
    ({ id }: { id: number }) =>
      unwrap(api.DELETE("/api/v1/alert-targets/{target_id}", ofTarget(id))),
    (client) => void client.invalidateQueries({ queryKey: keys.targets(slug) }),
  );
}

export function useTestTarget(slug: string) {
  return useAction(
    ({ id }: { id: number }) =>
      unwrap(api.POST("/api/v1/alert-targets/{target_id}/test", ofTarget(id))),
    (client) => void client.invalidateQueries({ queryKey: keys.deliveries(slug) }),
  );
}
