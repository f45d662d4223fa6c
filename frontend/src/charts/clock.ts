/** The horizontal axis: where a point stands, and which step stands where. */

import type { Points, SeriesTable } from "@/live/series";

export const AXES = ["step", "tokens", "time", "hours", "cost"] as const;
export type Axis = (typeof AXES)[number];

/** Devices held for a while. */
export interface Hold {
  /** Unix seconds; `to` null while they are still held. */
  from: number;
  to: number | null;
  devices: number;
  usdPerHour: number;
}

/** What a run knows of time and money. */
export interface Course {
  /** Unix seconds that count as 0 on the axis of time. */
  start: number;
  holds: readonly Hold[];
}

type Places = Pick<Points, "steps" | "times">;

export interface Clock {
  axis: Axis;
  /** One place for each point, never falling but where the steps of overtaken points do. */
  placesOf: (points: Places) => Float64Array;
  /** Of what happened at a step, and, where that is known, at a time in unix seconds. */
  placeOf: (step: number, time?: number) => number;
  /** A fraction between two steps. */
  stepAt: (place: number) => number;
}

export function clockOf(table: SeriesTable, axis: Axis, course: Course): Clock {
  if (axis === "step") {
    const same = (value: number) => value;
    return { axis, placesOf: ({ steps }) => steps.view(), placeOf: same, stepAt: same };
  }
  return axis === "tokens" ? byTokens(table) : byTime(table, axis, course);
}

/** Tokens are counted by step, so a step is all it takes to place a point. */
function byTokens(table: SeriesTable): Clock {
  const series = table.get("tokens/total");
  // A bucket stands at its last step, where a count has its greatest value.
  const knots = knotsOf(series?.steps.view() ?? [], series?.high.view() ?? []);
  const placeOf = (step: number) => interpolate(knots.steps, knots.places, step);
  return {
    axis: "tokens",
    placesOf: ({ steps }) => steps.view().map(placeOf),
    placeOf,
    stepAt: (place) => interpolate(knots.places, knots.steps, place),
  };
}

function byTime(table: SeriesTable, axis: "time" | "hours" | "cost", course: Course): Clock {
  const at = measure(axis, course);
  const series = clockSeries(table);
  const knots = knotsOf(series?.steps.view() ?? [], series?.times.view().map(at) ?? []);
  return {
    axis,
    placesOf: ({ times }) => neverFalling(times.view().map(at)),
    placeOf: (step, time) =>
      time === undefined ? interpolate(knots.steps, knots.places, step) : at(time),
    stepAt: (place) => interpolate(knots.places, knots.steps, place),
  };
}

/** Seconds, device-hours or dollars that had passed at a time. */
function measure(axis: "time" | "hours" | "cost", { start, holds }: Course) {
  if (axis === "time") return (time: number) => time - start;
  const rate = (hold: Hold) => (axis === "hours" ? hold.devices : hold.usdPerHour);
  return (time: number) =>
    holds.reduce((sum, hold) => {
      const held = Math.min(time, hold.to ?? time) - hold.from;
      return sum + (rate(hold) * Math.max(0, held)) / 3600;
    }, 0);
}

/** The series that has a point for each step; it ties steps and times together. */
function clockSeries(table: SeriesTable) {
  const names = table.names().filter((name) => !/^(system|eval)\//.test(name));
  return table.get("reward/mean") ?? table.get(names[0] ?? "");
}

/** Steps with their places, both rising, from the beginning of the run on. */
function knotsOf(steps: ArrayLike<number>, places: ArrayLike<number>) {
  const known = Array.from(steps, (step, index) => ({ step, place: places[index] as number }));
  const knots = known.filter(({ step, place }) => step > 0 && Number.isFinite(place));
  const first = known.find(({ step }) => step === 0)?.place ?? 0;
  const all = neverFalling([first, ...knots.map(({ place }) => place)]);
  return { steps: [0, ...knots.map(({ step }) => step)], places: [...all] };
}

/** A clock that was set back stands still until it has caught up. */
function neverFalling(values: ArrayLike<number>): Float64Array {
  let highest = Number.NEGATIVE_INFINITY;
  return Float64Array.from(values, (value) => {
    highest = Math.max(highest, value);
    return highest;
  });
}

/** On the straight lines between the knots, and on the one through both ends beyond them. */
export function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  const last = xs.length - 1;
  const [x0, y0] = [xs[0] as number, ys[0] as number];
  const [x1, y1] = [xs[last] as number, ys[last] as number];
  if (x <= x0 || x >= x1) {
    const slope = x1 > x0 ? (y1 - y0) / (x1 - x0) : 1;
    return x <= x0 ? y0 + slope * (x - x0) : y1 + slope * (x - x1);
  }
  const right = firstAbove(xs, x);
  const [xa, ya] = [xs[right - 1] as number, ys[right - 1] as number];
  const [xb, yb] = [xs[right] as number, ys[right] as number];
  return ya + ((yb - ya) * (x - xa)) / (xb - xa);
}

/** Index of the first of the rising `values` that is greater than `value`. */
export function firstAbove(values: ArrayLike<number>, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ends of the axis over all that the table holds, the step that the run has come to included. */
export function wholeRange(table: SeriesTable, clock: Clock, step: number): [number, number] {
  if (clock.axis === "step" || clock.axis === "tokens") {
    const overtaken = clockSeries(table)?.superseded.steps.view() ?? new Float64Array();
    const last = overtaken.reduce((end, old) => Math.max(end, old), step);
    return [0, Math.max(clock.axis === "step" ? 10 : 1, clock.placeOf(last))];
  }
  const ends = table.names().map((name) => {
    const series = table.get(name);
    const newest = Math.max(lastTime(series), lastTime(series?.superseded));
    return newest > 0 ? clock.placeOf(0, newest) : 0;
  });
  return [0, Math.max(clock.axis === "time" ? 10 : 1e-6, ...ends)];
}

function lastTime(points: Points | undefined): number {
  return points && points.times.length > 0 ? points.times.at(-1) : 0;
}
