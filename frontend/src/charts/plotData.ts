/** From a run's series to the columns that a plot draws. */

import type { Points, Series } from "@/live/series";
import type { ChartSpec, LineSpec } from "./catalogue";
import type { Clock } from "./clock";
import { type Smoothing, smooth } from "./smoothing";

/**
 * `old`: superseded by a later attempt. `raw`: the points behind a smoothed line.
 * `least`, `most`: the extremes of buckets, where a point stands for many.
 */
export type LineKind = "main" | "raw" | "old" | "low" | "high" | "least" | "most" | "layer";

export interface PlotLine {
  kind: LineKind;
  label: string;
  colour: number;
  /** Where colours are not enough to tell lines apart. */
  dash?: number[];
  strong?: boolean;
}

/** undefined: nothing was measured at this x. */
export type Value = number | undefined;

/** null: a gap (the value is not finite, or nothing ran). */
export type Cell = number | null | undefined;

/** A value that has no place on the vertical axis, and is drawn at its edge. */
export interface Broken {
  x: number;
  value: number;
  label: string;
  colour: number;
}

export interface PlotData {
  lines: PlotLine[];
  x: number[];
  /** What was measured: one column a line, as long as x. */
  values: Value[][];
  /** Where it is drawn: the same, but for gaps, and layers, which stand on those before them. */
  drawn: Cell[][];
  broken: Broken[];
  /** The newest value of each line: the line itself may be smoothed, or a mean of many points. */
  newest: Value[];
}

export interface Drawn extends PlotLine {
  x: ArrayLike<number>;
  /** null parts the line where nothing ran. */
  y: ArrayLike<number | null>;
  newest?: number;
}

export interface PlotChoice {
  clock: Clock;
  /** Logarithmic axes: what is not above 0 has no place on them. */
  logX: boolean;
  logY: boolean;
  smoothing: Smoothing;
  hidden: readonly string[];
}

export type SeriesSource = (name: string) => Series | undefined;

const RAW: Smoothing = { kind: "ema", span: 0 };

export function plotData(series: SeriesSource, spec: ChartSpec, choice: PlotChoice): PlotData {
  const shown = spec.lines.filter((line) => !choice.hidden.includes(line.series));
  if (spec.stacked) return stacked(series, shown, choice);
  const smoothing = spec.sparse ? RAW : choice.smoothing;
  const drawn = [
    ...shown.flatMap((line) => superseded(series, line, choice.clock)),
    ...(shown[0] === spec.lines[0] ? band(series, spec, choice.clock, smoothing) : []),
    ...shown.flatMap((line) => extremes(series, line, choice.clock)),
    ...shown.flatMap((line) => current(series, line, choice.clock, smoothing)),
  ];
  const parted = choice.clock.axis === "time" ? drawn.map(withPauses) : drawn;
  const broken = shown.flatMap((line) => brokenOf(series, line, choice));
  return { ...align(parted, choice), broken };
}

/** A pause this many times the usual distance, and this long, parts the line: nothing ran. */
const PAUSE_TIMES = 20;
const PAUSE_S = 60;

/** Puts a gap in the middle of each long pause between two points. */
export function withPauses(line: Drawn): Drawn {
  const times = Array.from(line.x);
  const distances = times.slice(1).map((time, index) => time - (times[index] as number));
  const usual = distances.toSorted((a, b) => a - b)[distances.length >> 1] ?? 0;
  const x: number[] = [];
  const y: (number | null)[] = [];
  times.forEach((time, index) => {
    x.push(time);
    y.push(line.y[index] as number | null);
    const distance = distances[index] ?? 0;
    if (distance < Math.max(PAUSE_S, PAUSE_TIMES * usual)) return;
    x.push(time + distance / 2);
    y.push(null);
  });
  return { ...line, x, y };
}

/** Column of the first line of `kind` with this label; empty when it is not drawn. */
export function columnOf(plot: PlotData, label: string): Value[] {
  const index = plot.lines.findIndex((line) => line.label === label && isShown(line));
  return plot.values[index] ?? [];
}

/** Whether a line is one that is read off, not one that stands behind it. */
export function isShown(line: PlotLine | undefined): boolean {
  return line?.kind === "main" || line?.kind === "layer";
}

/** Where a line ends, and the newest value there; null when there is none, or it is not finite. */
export function endOf(plot: PlotData, line: number): { x: number; value: number } | null {
  const column = plot.values[line] ?? [];
  const place = column.findLastIndex((value) => value !== undefined);
  const [x, value] = [plot.x[place], plot.newest[line] ?? column[place]];
  return x !== undefined && value !== undefined && Number.isFinite(value) ? { x, value } : null;
}

export function current(
  source: SeriesSource,
  line: LineSpec,
  clock: Clock,
  smoothing: Smoothing,
): Drawn[] {
  const series = source(line.series);
  if (!series) return [];
  const { label, colour, dash } = line;
  const newest = series.last.length > 0 ? { newest: series.last.at(-1) } : {};
  const base = { label, colour, ...(dash && { dash }), ...newest, x: clock.placesOf(series) };
  const values = series.values.view();
  if (smoothing.span <= 0) return [{ ...base, kind: "main", y: values }];
  const smoothed = smooth(series.steps.view(), values, smoothing);
  return [
    { ...base, kind: "raw", y: values },
    { ...base, kind: "main", y: smoothed },
  ];
}

/** Where points stand for many: the least and the greatest of each, so that no spike is lost. */
export function extremes(source: SeriesSource, line: LineSpec, clock: Clock): Drawn[] {
  const series = source(line.series);
  if (!series || series.total <= series.steps.length) return [];
  const base = { label: line.label, colour: line.colour, x: clock.placesOf(series) };
  return [
    { ...base, kind: "least", y: series.low.view() },
    { ...base, kind: "most", y: series.high.view() },
  ];
}

export function brokenOf(
  source: SeriesSource,
  line: LineSpec,
  { clock, logX }: PlotChoice,
): Broken[] {
  const series = source(line.series);
  if (!series) return [];
  const odd = series.odd.view();
  const found: Broken[] = [];
  const { label, colour } = line;
  let places: Float64Array | undefined;
  for (let index = 0; index < odd.length; index++) {
    if (odd[index] === 0) continue;
    places ??= clock.placesOf(series);
    const x = places[index] as number;
    if (!logX || x > 0) found.push({ x, value: worst(series, index), label, colour });
  }
  return found;
}

/** What is not finite in a point, or in the bucket that it stands for. */
function worst(series: Series, index: number): number {
  const ends = [series.values.at(index), series.high.at(index), series.low.at(index)];
  return ends.find((value) => !Number.isFinite(value)) ?? Number.NaN;
}

/** One faint line for each stretch that was overtaken: steps fall where another one begins. */
export function superseded(source: SeriesSource, line: LineSpec, clock: Clock): Drawn[] {
  const points = source(line.series)?.superseded;
  if (!points) return [];
  const x = clock.placesOf(points);
  const steps = points.steps.view();
  const y = points.values.view();
  const pieces: Drawn[] = [];
  let from = 0;
  for (let index = 1; index <= x.length; index++) {
    if (index < x.length && (steps[index] as number) > (steps[index - 1] as number)) continue;
    const piece = { x: x.slice(from, index), y: y.slice(from, index) };
    pieces.push({ kind: "old", label: line.label, colour: line.colour, ...piece });
    from = index;
  }
  return x.length === 0 ? [] : pieces;
}

function band(source: SeriesSource, spec: ChartSpec, clock: Clock, smoothing: Smoothing): Drawn[] {
  const first = spec.lines[0] as LineSpec;
  const centre = source(first.series);
  const ends = spec.band && centre ? bandEnds(source, spec.band, centre) : null;
  if (!centre || !ends) return [];
  const x = clock.placesOf(centre);
  const steps = centre.steps.view();
  const base = { label: first.label, colour: first.colour, x };
  return [
    { ...base, kind: "low", y: smooth(steps, ends.low, smoothing) },
    { ...base, kind: "high", y: smooth(steps, ends.high, smoothing) },
  ];
}

function bandEnds(
  source: SeriesSource,
  spec: NonNullable<ChartSpec["band"]>,
  centre: Points,
): { low: Float64Array; high: Float64Array } | null {
  const column = (name: string) => {
    const values = source(name)?.values.view();
    return values?.length === centre.values.length ? values : null;
  };
  if ("low" in spec) {
    const [low, high] = [column(spec.low), column(spec.high)];
    return low && high ? { low, high } : null;
  }
  const spread = column(spec.spread);
  const middle = centre.values.view();
  return (
    spread && {
      low: middle.map((value, index) => value - (spread[index] as number)),
      high: middle.map((value, index) => value + (spread[index] as number)),
    }
  );
}

/** Each layer stands on the sum of those before it; what was not measured counts as 0. */
function stacked(source: SeriesSource, lines: readonly LineSpec[], choice: PlotChoice): PlotData {
  const { clock } = choice;
  const parts = align(
    lines.flatMap((line) =>
      current(source, line, clock, RAW).map((drawn) => ({ ...drawn, kind: "layer" as const })),
    ),
    choice,
  );
  const sums = new Array<number>(parts.x.length).fill(0);
  const drawn = parts.values.map((column) =>
    column.map((value, index) => {
      if (value !== undefined && Number.isFinite(value))
        sums[index] = (sums[index] as number) + value;
      return sums[index];
    }),
  );
  const broken = lines.flatMap((line) => brokenOf(source, line, choice));
  return { ...parts, drawn, broken };
}

/** Lays lines with different x over one common, rising x. */
export function align(
  drawn: readonly Drawn[],
  { logX, logY }: Pick<PlotChoice, "logX" | "logY">,
): Omit<PlotData, "broken"> {
  const lines = drawn.map(({ x: _x, y: _y, newest: _newest, ...line }) => line);
  const all = commonX(drawn);
  const x = logX ? all.filter((place) => place > 0) : all;
  const columns = drawn.map((line) => columnOver(x, line));
  return {
    lines,
    x,
    values: columns.map((column) => column.map((cell) => cell ?? undefined)),
    drawn: columns.map((column) => column.map((cell) => (hasPlace(cell, logY) ? cell : null))),
    newest: drawn.map((line) => line.newest),
  };
}

function hasPlace(cell: Cell, log: boolean): boolean {
  return typeof cell !== "number" || (Number.isFinite(cell) && (!log || cell > 0));
}

function commonX(drawn: readonly Drawn[]): number[] {
  const [first] = drawn;
  if (first && drawn.every((line) => isSame(line.x, first.x))) return Array.from(first.x);
  return [...new Set(drawn.flatMap((line) => Array.from(line.x)))].sort((a, b) => a - b);
}

function isSame(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}

/** The line's values at `x`; of several at one place, the last one. */
function columnOver(x: readonly number[], line: Drawn): Cell[] {
  const column = new Array<Cell>(x.length).fill(undefined);
  let place = 0;
  for (let index = 0; index < line.x.length; index++) {
    const wanted = line.x[index] as number;
    while (place < x.length && (x[place] as number) < wanted) place += 1;
    if (x[place] === wanted) column[place] = line.y[index] as number | null;
  }
  return column;
}
