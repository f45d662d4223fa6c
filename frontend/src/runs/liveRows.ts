import type { InfiniteData } from "@tanstack/react-query";
import type { RunList, RunRow } from "@/api/queries";

export type RunPages = InfiniteData<RunList, string | null>;

/** The list with the rows that changed put in place; the very same when none of them is in it. */
export function withRows(pages: RunPages, changed: readonly RunRow[]): RunPages {
  const byId = new Map(changed.map((row) => [row.id, row]));
  if (!pages.pages.some((page) => page.items.some((row) => byId.has(row.id)))) return pages;
  return {
    ...pages,
    pages: pages.pages.map((page) => ({
      ...page,
      items: page.items.map((row) => newer(row, byId.get(row.id))),
    })),
  };
}

/** Whether the change may add a row to a list, or take one away: then only the server knows. */
export function changesMembership(pages: RunPages, changed: readonly RunRow[]): boolean {
  const states = new Map(
    pages.pages.flatMap((page) => page.items).map((row) => [row.id, row.state]),
  );
  return changed.some((row) => states.get(row.id) !== row.state);
}

/** Messages and answers may overtake each other; `last_seq` tells which is newer. */
function newer(here: RunRow, arrived: RunRow | undefined): RunRow {
  if (!arrived || arrived.last_seq < here.last_seq) return here;
  // The stream does not know which columns this list has asked for.
  return { ...arrived, values: here.values };
}
