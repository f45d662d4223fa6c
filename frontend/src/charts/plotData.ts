/** From a run's series to the columns that a plot draws. */

import type { Points, SeriesTable } from "@/live/series";
import type { ChartSpec, LineSpec } from "./catalogue";
import { smooth } from "./smoothing";

export type Axis = "step" | "time";

/** `old`: superseded by a later attempt. `raw`: the points behind a smoothed line. */
export type LineKind = "main" | "raw" | "old" | "low" | "high" | "layer";

export interface PlotLine {
  kind: LineKind;
  label: string;
  colour: number;
}

/** null: a gap (the value is not a number). undefined: nothing was measured at this x. */
export type Cell = number | null | undefined;

export interface PlotData {
  lines: PlotLine[];
  x: number[];
  /** What was measured: one column a line, as long as x. */
  values: Cell[][];
  /** Where it is drawn: the same, but for layers, which stand on those before them. */
  drawn: Cell[][];
}

interface Drawn extends PlotLine {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

export interface PlotChoice {
  axis: Axis;
  /** Span of the smoothing in steps; 0 is none. */
  smoothing: number;
  /** Unix seconds that count as 0 on the time axis. */
  start: number;
}

export function plotData(table: SeriesTable, spec: ChartSpec, choice: PlotChoice): PlotData {
  if (spec.stacked) return stacked(table, spec, choice);
  const span = spec.sparse ? 0 : choice.smoothing;
  const drawn = [
    ...spec.lines.flatMap((line) => superseded(table, line, choice)),
    ...band(table, spec, choice, span),
    ...spec.lines.flatMap((line) => current(table, line, choice, span)),
  ];
  return align(choice.axis === "time" ? drawn.map(withPauses) : drawn);
}

/** A pause this many times the usual distance, and this long, parts the line: nothing ran. */
const PAUSE_TIMES = 20;
const PAUSE_S = 60;

/** Puts a gap in the middle of each long pause between two points. */
function withPauses(line: Drawn): Drawn {
  const times = Array.from(line.x);
  const distances = times.slice(1).map((time, index) => time - (times[index] as number));
  const usual = distances.toSorted((a, b) => a - b)[distances.length >> 1] ?? 0;
  const x: number[] = [];
  const y: number[] = [];
  times.forEach((time, index) => {
    x.push(time);
    y.push(line.y[index] as number);
    const distance = distances[index] ?? 0;
    if (distance < Math.max(PAUSE_S, PAUSE_TIMES * usual)) return;
    x.push(time + distance / 2);
    y.push(Number.NaN);
  });
  return { ...line, x, y };
}

/** Column of the first line of `kind` with this label; empty when it is not drawn. */
export function columnOf(plot: PlotData, label: string): Cell[] {
  const index = plot.lines.findIndex(
    (line) => line.label === label && (line.kind === "main" || line.kind === "layer"),
  );
  return plot.values[index] ?? [];
}

/** The newest measured value of a column. */
export function newestOf(column: readonly Cell[]): { index: number; value: number } | null {
  for (let index = column.length - 1; index >= 0; index--) {
    const value = column[index];
    if (value === null) return null;
    if (value !== undefined) return { index, value };
  }
  return null;
}

function current(table: SeriesTable, line: LineSpec, choice: PlotChoice, span: number): Drawn[] {
  const series = table.get(line.series);
  if (!series) return [];
  const base = { label: line.label, colour: line.colour, x: xOf(series, choice) };
  const values = series.values.view();
  if (span <= 0) return [{ ...base, kind: "main", y: values }];
  const smoothed = smooth(series.steps.view(), values, span);
  return [
    { ...base, kind: "raw", y: values },
    { ...base, kind: "main", y: smoothed },
  ];
}

/** One faint line for each stretch that was overtaken: x falls where another one begins. */
function superseded(table: SeriesTable, line: LineSpec, choice: PlotChoice): Drawn[] {
  const points = table.get(line.series)?.superseded;
  if (!points) return [];
  const x = xOf(points, choice);
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

function band(table: SeriesTable, spec: ChartSpec, choice: PlotChoice, span: number): Drawn[] {
  const first = spec.lines[0] as LineSpec;
  const centre = table.get(first.series);
  const ends = spec.band && centre ? bandEnds(table, spec.band, centre) : null;
  if (!centre || !ends) return [];
  const x = xOf(centre, choice);
  const steps = centre.steps.view();
  const base = { label: first.label, colour: first.colour, x };
  return [
    { ...base, kind: "low", y: smooth(steps, ends.low, span) },
    { ...base, kind: "high", y: smooth(steps, ends.high, span) },
  ];
}

function bandEnds(
  table: SeriesTable,
  spec: NonNullable<ChartSpec["band"]>,
  centre: Points,
): { low: Float64Array; high: Float64Array } | null {
  const column = (name: string) => {
    const values = table.get(name)?.values.view();
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
function stacked(table: SeriesTable, spec: ChartSpec, choice: PlotChoice): PlotData {
  const parts = align(
    spec.lines.flatMap((line) =>
      current(table, line, choice, 0).map((drawn) => ({ ...drawn, kind: "layer" as const })),
    ),
  );
  const sums = new Array<number>(parts.x.length).fill(0);
  const drawn = parts.values.map((column) =>
    column.map((value, index) => {
      sums[index] = (sums[index] as number) + (value ?? 0);
      return sums[index];
    }),
  );
  return { ...parts, drawn };
}

function xOf(points: Points, choice: PlotChoice): Float64Array {
  if (choice.axis === "step") return points.steps.view();
  return points.times.view().map((time) => time - choice.start);
}

/** Lays lines with different x over one common, rising x. */
function align(drawn: readonly Drawn[]): PlotData {
  const lines = drawn.map(({ kind, label, colour }) => ({ kind, label, colour }));
  const x = [...new Set(drawn.flatMap((line) => Array.from(line.x)))].sort((a, b) => a - b);
  const place = new Map(x.map((value, index) => [value, index]));
  const values = drawn.map((line) => {
    const column = new Array<Cell>(x.length).fill(undefined);
    for (let index = 0; index < line.x.length; index++) {
      const value = line.y[index] as number;
      column[place.get(line.x[index] as number) as number] = Number.isFinite(value) ? value : null;
    }
    return column;
  });
  return { lines, x, values, drawn: values };
}
