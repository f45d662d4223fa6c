/** The colour and the dashes by which a run or a group is known, everywhere on the page. */

import { type Fields, groupsOf } from "./fields";

export interface Look {
  colour: string;
  dash?: number[];
}

const HUES = 8;
/** When the hues are used up they come again, dashed. */
const DASHES: (number[] | undefined)[] = [undefined, [8, 4], [2, 3]];
const LOOKS = HUES * DASHES.length;

/** `palette`: colours by the number of their token, from 1, as the theme's charts have them. */
export function lookAt(place: number, palette: readonly string[]): Look {
  const slot = place % LOOKS;
  const dash = DASHES[Math.floor(slot / HUES)];
  return { colour: palette[(slot % HUES) + 1] ?? "", ...(dash && { dash }) };
}

/**
 * A place for each run, by its number, so that it looks the same on every page.
 *
 * Where two would look alike the later one takes the next place that is free; with more runs than
 * there are looks, they repeat.
 */
export function placesOf(runs: readonly number[]): Map<number, number> {
  const places = new Map<number, number>();
  const taken = new Set<number>();
  for (const run of runs.toSorted((a, b) => a - b)) {
    if (taken.size === LOOKS) taken.clear();
    let place = run % LOOKS;
    while (taken.has(place)) place = (place + 1) % LOOKS;
    taken.add(place);
    places.set(run, place);
  }
  return places;
}

/** Numbers of more different values than this are a scale. */
const MOST_CATEGORIES = 8;

/** What colours say: which run, which of a few values, or how large a number is. */
export type Colouring =
  | { kind: "runs" }
  | { kind: "categories"; entries: { label: string; look: Look }[] }
  | { kind: "scale"; low: number; high: number; log: boolean; ramp: string[] };

export interface Looks {
  colouring: Colouring;
  of: (run: number) => Look;
}

export function looksByRun(runs: readonly number[], palette: readonly string[]): Looks {
  const places = placesOf(runs);
  return { colouring: { kind: "runs" }, of: (run) => lookAt(places.get(run) ?? run, palette) };
}

/**
 * By a field: few values have a colour each, many numbers are on a scale from blue to orange, unless
 * they are to be `asCategories`.
 */
export function looksByField(
  fields: Fields,
  runs: readonly number[],
  key: string,
  palette: readonly string[],
  asCategories = false,
): Looks {
  const numbers = runs.map((run) => fields.number(run, key)).filter((value) => value !== undefined);
  const isScale = !asCategories && new Set(numbers).size > MOST_CATEGORIES;
  if (isScale) return onScale(fields, key, numbers, palette);
  const labels = groupsOf(fields, runs, key);
  const byRun = new Map<number, Look>();
  const entries = labels.map(({ label, runs: members }, place) => {
    const look = lookAt(place, palette);
    for (const run of members) if (!byRun.has(run)) byRun.set(run, look);
    return { label, look };
  });
  return {
    colouring: { kind: "categories", entries },
    of: (run) => byRun.get(run) ?? { colour: palette[HUES] ?? "" },
  };
}

/** Over this many powers of ten, steps between values are ratios. */
const LOG_FROM = 1.5;

function onScale(
  fields: Fields,
  key: string,
  numbers: readonly number[],
  palette: readonly string[],
): Looks {
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const log = low > 0 && Math.log10(high / low) >= LOG_FROM;
  const at = log ? Math.log10 : (value: number) => value;
  const ramp = [1, 7, 4, 2].map((token) => palette[token] ?? "");
  return {
    colouring: { kind: "scale", low, high, log, ramp },
    of: (run) => {
      const value = fields.number(run, key);
      if (value === undefined) return { colour: palette[HUES] ?? "", dash: [2, 3] };
      return { colour: mixed(ramp, (at(value) - at(low)) / (at(high) - at(low))) };
    },
  };
}

/** The colour at a share of the way along a ramp of "rgb(r, g, b)". */
export function mixed(ramp: readonly string[], share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (ramp.length - 1);
  const from = Math.min(Math.floor(place), ramp.length - 2);
  const [a, b] = [channels(ramp[from]), channels(ramp[from + 1])];
  const parts = a.map((value, index) =>
    Math.round(value + (place - from) * ((b[index] ?? value) - value)),
  );
  return `rgb(${parts.join(", ")})`;
}

function channels(colour: string | undefined): number[] {
  return (colour ?? "").match(/[\d.]+/g)?.map(Number) ?? [];
}
