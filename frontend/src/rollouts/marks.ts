/** Stars of one's own, and notes for all who see the run. */

import { type QueryClient, useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, unwrap } from "@/api/client";
import { keys } from "@/api/queries";
import type { Completion, GroupDetail } from "./queries";

const at = (id: string) => ({ params: { path: { completion_id: id } } });
const notesKey = (id: string) => ["completions", id, "notes"];

/** Stars a completion, or takes the star away. */
export function useStar() {
  return useAction(
    async ({ id, starred }: Pick<Completion, "id" | "starred">) => {
      const path = "/api/v1/completions/{completion_id}/star";
      await unwrap(starred ? api.PUT(path, at(id)) : api.DELETE(path, at(id)));
      return { id, change: { starred } };
    },
    (client, { id, change }) => patch(client, id, change),
  );
}

export function useNotes(id: string, enabled: boolean) {
  return useQuery({
    queryKey: notesKey(id),
    queryFn: () => unwrap(api.GET("/api/v1/completions/{completion_id}/notes", at(id))),
    select: (list) => list.items,
    enabled,
  });
}

/** Writes a note, changes one's own, or deletes it where the body is null. */
export function useNoteAction(id: string, count: number) {
  return useAction(
    async ({ note, body }: { note: number | null; body: string | null }) => {
      const own = { params: { path: { note_id: note ?? 0 } } };
      const one = "/api/v1/completion-notes/{note_id}";
      if (body === null) await unwrap(api.DELETE(one, own));
      else if (note !== null) await unwrap(api.PUT(one, { ...own, body: { body } }));
      else
        await unwrap(
          api.POST("/api/v1/completions/{completion_id}/notes", { ...at(id), body: { body } }),
        );
      return count + (body === null ? -1 : note === null ? 1 : 0);
    },
    (client, notes) => {
      void client.invalidateQueries({ queryKey: notesKey(id) });
      patch(client, id, { notes });
    },
  );
}

/** Changes what is known of a completion where it is kept, so that its texts are not fetched again. */
function patch(client: QueryClient, id: string, change: Partial<Completion>): void {
  const [group] = id.split("-");
  client.setQueryData<GroupDetail>(
    ["groups", Number(group)],
    (detail) =>
      detail && {
        ...detail,
        group: {
          ...detail.group,
          completions: detail.group.completions.map((each) =>
            each.id === id ? { ...each, ...change } : each,
          ),
        },
      },
  );
  void client.invalidateQueries({
    queryKey: keys.runs,
    predicate: ({ queryKey }) => queryKey[2] === "completions",
  });
}
