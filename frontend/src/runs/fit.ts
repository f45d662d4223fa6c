/** Which columns of the list there is room for. */

export interface Sized {
  id: string;
  /** CSS pixels. */
  width: number;
}

const GAP_PX = 12;
/** Tick, actions, and the space around all of them. */
const BESIDE_PX = 24 + 24 + 4 * GAP_PX;
/** What the list can do without, the first of them first; metrics that were chosen stay longest. */
const GOES_FIRST = ["owner", "created_at", "cost_usd", "tokens_per_s", "preset", "duration_s"];
const STAYS = new Set(["state", "name", "last_step", "reward", "pass_at_1"]);

/** The columns that fit into `room` CSS pixels, in order; some always stay. */
export function columnsThatFit<T extends Sized>(columns: readonly T[], room: number): T[] {
  const metrics = columns.filter(({ id }) => !STAYS.has(id) && !GOES_FIRST.includes(id));
  const goes = [...GOES_FIRST, ...metrics.map(({ id }) => id).reverse()];
  let kept = [...columns];
  for (const id of goes) {
    if (widthOf(kept) <= room) break;
    kept = kept.filter((column) => column.id !== id);
  }
  return kept;
}

function widthOf(columns: readonly Sized[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP_PX, BESIDE_PX);
}
