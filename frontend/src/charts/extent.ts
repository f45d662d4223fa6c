/** Which values a chart's vertical axis spans, and which lie outside of it. */

import type { LineKind, PlotData } from "./plotData";

/** A point, or the extreme of a bucket, beyond an end of the vertical axis. */
export interface Outside {
  x: number;
  side: "above" | "below";
  colour: number;
}

export interface Extent {
  /** null when nothing in the range has a place on the axis. */
  low: number | null;
  high: number | null;
  outside: Outside[];
}

/** Beyond so many interquartile ranges from the quartiles a value is far out (Tukey, 1977). */
const FAR = 3;

/** The extent of everything drawn between two places, or, when `robust`, of all but far outliers. */
export function extentOf(
  data: PlotData,
  range: readonly [number, number],
  robust: boolean,
): Extent {
  const columns = data.lines.map((line, index) => ({
    line,
    points: pointsBetween(data.x, data.drawn[index] ?? [], range),
  }));
  const all = columns.flatMap(({ points }) => points.map(({ value }) => value));
  const placeless = data.lines.flatMap((line, index) =>
    isMeasured(line.kind, data) ? withoutPlace(data, index, range) : [],
  );
  if (all.length === 0) return { low: null, high: null, outside: onceEach(placeless) };
  const [low, high] = robust ? fences(measured(columns)) : [least(all), greatest(all)];
  if (!robust) return { low, high, outside: onceEach(placeless) };
  // What rounding alone puts beyond an end is not outside.
  const air = 1e-9 * Math.max(Math.abs(low), Math.abs(high));
  const outside = columns.flatMap(({ line, points }) =>
    isMeasured(line.kind, data)
      ? points
          .filter(({ value }) => value < low - air || value > high + air)
          .map(({ x, value }) => ({
            x,
            side: value > high ? ("above" as const) : ("below" as const),
            colour: line.colour,
          }))
      : [],
  );
  return { low, high, outside: onceEach([...placeless, ...outside]) };
}

/** Values at or below 0 on a logarithm: numbers that were measured, and are not drawn. */
function withoutPlace(
  data: PlotData,
  index: number,
  [from, to]: readonly [number, number],
): Outside[] {
  const [values, drawn] = [data.values[index] ?? [], data.drawn[index] ?? []];
  const { colour } = data.lines[index] as PlotData["lines"][number];
  return data.x.flatMap((x, at) => {
    const value = values[at];
    const lost = value !== undefined && value <= 0 && Number.isFinite(value) && drawn[at] === null;
    return lost && x >= from && x <= to ? [{ x, side: "below" as const, colour }] : [];
  });
}

type Columns = { line: PlotData["lines"][number]; points: { x: number; value: number }[] }[];

/** What a line's points are: measured, or, of a smoothed one and of a band, computed from such. */
function isMeasured(kind: LineKind, data: PlotData): boolean {
  if (kind === "main") return !data.lines.some((line) => line.kind === "raw");
  return kind === "raw" || kind === "layer" || kind === "least" || kind === "most";
}

/** What the fences are put around: single points, not the ends of a band or of a bucket. */
function measured(columns: Columns): number[] {
  const kinds = columns.some(({ line }) => line.kind === "raw") ? ["raw"] : ["main", "layer"];
  const shown = columns.filter(({ line }) => kinds.includes(line.kind));
  const values = shown.flatMap(({ points }) => points.map(({ value }) => value));
  return values.length > 0 ? values : columns.flatMap(({ points }) => points.map((p) => p.value));
}

function pointsBetween(
  x: readonly number[],
  column: PlotData["drawn"][number],
  [from, to]: readonly [number, number],
): { x: number; value: number }[] {
  const points: { x: number; value: number }[] = [];
  for (let index = 0; index < x.length; index++) {
    const place = x[index] as number;
    const value = column[index];
    if (place < from || place > to || typeof value !== "number") continue;
    points.push({ x: place, value });
  }
  return points;
}

/** The ends of the data, at most so far from the quartiles that only far outliers lie beyond. */
export function fences(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))] as number;
  // Where half of all values are one and the same, wider quantiles tell what is usual.
  const [low, high] = at(0.25) < at(0.75) ? [at(0.25), at(0.75)] : [at(0.05), at(0.95)];
  const room = FAR * (high - low);
  return [Math.max(at(0), low - room), Math.min(at(1), high + room)];
}

/** One mark for each place and side of a line, though a bucket and its mean both lie outside. */
function onceEach(outside: readonly Outside[]): Outside[] {
  const keys = new Map(outside.map((one) => [`${one.x} ${one.side} ${one.colour}`, one]));
  return [...keys.values()];
}

function least(values: readonly number[]): number {
  return values.reduce((low, value) => Math.min(low, value), Number.POSITIVE_INFINITY);
}

function greatest(values: readonly number[]): number {
  return values.reduce((high, value) => Math.max(high, value), Number.NEGATIVE_INFINITY);
}
