/** Saved views of a project. */

import { useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";

export type SavedView = Schemas["ViewOut"];

const keyOf = (slug: string) => ["projects", slug, "views"];
const at = (id: number) => ({ params: { path: { view_id: id } } });

export function useViews(slug: string) {
  return useQuery({
    queryKey: keyOf(slug),
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/projects/{slug}/views", {
          params: { path: { slug }, query: { limit: 200 } },
        }),
      ),
    select: (list) => list.items,
    enabled: slug !== "",
  });
}

export function useSaveView(slug: string) {
  return useAction(
    (body: Schemas["ViewIn"]) =>
      unwrap(api.POST("/api/v1/projects/{slug}/views", { params: { path: { slug } }, body })),
    (client) => void client.invalidateQueries({ queryKey: keyOf(slug) }),
  );
}

export function useEditView(slug: string) {
  return useAction(
    ({ id, ...body }: { id: number } & Schemas["ViewPatch"]) =>
      unwrap(api.PATCH("/api/v1/views/{view_id}", { ...at(id), body })),
    (client) => void client.invalidateQueries({ queryKey: keyOf(slug) }),
  );
}

export function useDeleteView(slug: string) {
  return useAction(
    ({ id }: { id: number }) => unwrap(api.DELETE("/api/v1/views/{view_id}", at(id))),
    (client) => void client.invalidateQueries({ queryKey: keyOf(slug) }),
  );
}

export function useRestoreView(slug: string) {
  return useAction(
    ({ id }: { id: number }) => unwrap(api.POST("/api/v1/views/{view_id}/restore", at(id))),
    (client) => void client.invalidateQueries({ queryKey: keyOf(slug) }),
  );
}
