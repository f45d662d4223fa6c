/** Notes of a project. */

import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";

export type Note = Schemas["NoteOut"];
export type NoteRow = Schemas["NoteRow"];

const listKey = (slug: string) => ["projects", slug, "notes"];
const noteKey = (id: number) => ["notes", id];
const at = (id: number) => ({ params: { path: { note_id: id } } });

export function useNotes(slug: string) {
  return useQuery({
    queryKey: listKey(slug),
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/projects/{slug}/notes", {
          params: { path: { slug }, query: { limit: 200 } },
        }),
      ),
    select: (list) => list.items,
  });
}

export function useNote(id: number) {
  return useQuery({
    queryKey: noteKey(id),
    queryFn: () => unwrap(api.GET("/api/v1/notes/{note_id}", at(id))),
  });
}

/** As it is now, whatever the page has of it: `version` is the one that was edited. */
export function useNewest(id: number, version: number) {
  return useQuery({
    queryKey: [...noteKey(id), "newest", version],
    queryFn: () => unwrap(api.GET("/api/v1/notes/{note_id}", at(id))),
    staleTime: 0,
  });
}

export function useVersions(id: number, version: number) {
  return useQuery({
    queryKey: [...noteKey(id), "versions", version],
    queryFn: () => unwrap(api.GET("/api/v1/notes/{note_id}/versions", at(id))),
    select: (list) => list.items,
  });
}

export function useVersion(id: number, version: number | null) {
  return useQuery({
    queryKey: [...noteKey(id), "version", version],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/notes/{note_id}/versions/{version}", {
          params: { path: { note_id: id, version: version ?? 0 } },
        }),
      ),
    enabled: version !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useWriteNote(slug: string) {
  return useAction(
    (body: Schemas["NoteIn"]) =>
      unwrap(api.POST("/api/v1/projects/{slug}/notes", { params: { path: { slug } }, body })),
    (client) => void client.invalidateQueries({ queryKey: listKey(slug) }),
  );
}

/** Its errors are the editor's to tell: somebody else may have saved meanwhile. */
export function useSaveNote(id: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["NoteEdit"]) =>
      unwrap(api.PUT("/api/v1/notes/{note_id}", { ...at(id), body })),
    onSuccess: (note) => {
      client.setQueryData(noteKey(id), note);
      void client.invalidateQueries({ queryKey: listKey(note.project) });
    },
  });
}

export function useDeleteNote(slug: string) {
  return useAction(
    ({ id }: { id: number }) => unwrap(api.DELETE("/api/v1/notes/{note_id}", at(id))),
    (client) => refresh(client, slug),
  );
}

export function useRestoreNote(slug: string) {
  return useAction(
    ({ id }: { id: number }) => unwrap(api.POST("/api/v1/notes/{note_id}/restore", at(id))),
    (client) => refresh(client, slug),
  );
}

function refresh(client: QueryClient, slug: string): void {
  void client.invalidateQueries({ queryKey: listKey(slug) });
}
