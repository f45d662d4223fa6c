/** Zooming by steps of a button or a key, for those who cannot drag. */

export type Stretch = readonly [number, number];

/** Half of it, around `at` where that lies inside of it, else around its middle. */
export function closer([from, to]: Stretch, at: number | null): [number, number] {
  const middle = at !== null && from <= at && at <= to ? at : (from + to) / 2;
  const quarter = (to - from) / 4;
  return within([middle - quarter, middle + quarter], [from, to]);
}

/** Twice as much of `whole`; null where that is all of it. */
export function farther([from, to]: Stretch, whole: Stretch): [number, number] | null {
  const half = (to - from) / 2;
  if (to - from >= (whole[1] - whole[0]) / 2) return null;
  return within([from - half, to + half], whole);
}

/** The same width, half of it on: towards the end by 1, towards the beginning by -1. */
export function moved([from, to]: Stretch, by: 1 | -1, whole: Stretch): [number, number] {
  const way = (by * (to - from)) / 2;
  return within([from + way, to + way], whole);
}

/** Pushed inside of `whole`, as wide as it was. */
function within([from, to]: Stretch, whole: Stretch): [number, number] {
  const back = Math.max(0, to - whole[1]);
  const on = Math.max(0, whole[0] - from);
  return [from - back + on, to - back + on];
}
