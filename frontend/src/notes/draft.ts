/** What somebody is writing, kept in the browser until it is saved: a closed tab loses nothing. */

export interface Draft {
  title: string;
  body: string;
  /** The version that it was made of. */
  version: number;
}

const keyOf = (id: number) => `note-draft-${id}`;

export function readDraft(id: number): Draft | null {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(id)) ?? "null") as Draft | null;
    return typeof kept?.body === "string" && typeof kept.title === "string" ? kept : null;
  } catch {
    return null; // somebody else's, or damaged: as if there were none
  }
}

export function keepDraft(id: number, draft: Draft): void {
  localStorage.setItem(keyOf(id), JSON.stringify(draft));
}

export function dropDraft(id: number): void {
  localStorage.removeItem(keyOf(id));
}
