/** One series of many runs as the columns of a plot: a line for each run, or a band for each group. */

import type { ChartSpec } from "@/charts/catalogue";
import type { Clock } from "@/charts/clock";
import {
  align,
  brokenOf,
  current,
  type Drawn,
  extremes,
  type PlotData,
  superseded,
  withPauses,
} from "@/charts/plotData";
import { type Smoothing, smooth } from "@/charts/smoothing";
import type { Series } from "@/live/series";
import { bandOf, type Centre, type Spread } from "./bands";

/** A run's curve of the series, and where its points stand. */
export interface Source {
  series: Series | undefined;
  clock: Clock;
}

/** What is drawn as one line, in one colour; of several sources with a band around it. */
export interface Entry {
  label: string;
  /** Place in the list of colours. */
  colour: number;
  dash?: number[];
  strong?: boolean;
  sources: Source[];
  isGroup: boolean;
}

export interface OverlayChoice {
  logX: boolean;
  logY: boolean;
  smoothing: Smoothing;
  centre: Centre;
  spread: Spread;
  range: readonly [number, number];
}

export interface Overlay extends PlotData {
  /** How many runs stand behind each value of a group's line, by its label. */
  runs: Map<string, Map<number, number>>;
}

/** What lies behind a line, drawn while lines are few: the points as they were, and their extremes. */
const MOST_WITH_RAW = 8;
const MOST_WITH_EXTREMES = 4;
/** As many as have a look of their own. */
const MOST_WITH_SUPERSEDED = 24;
/** More places than these are no longer told apart on a screen. */
const MOST_PLACES = 1_500;

export function overlay(
  spec: ChartSpec,
  entries: readonly Entry[],
  choice: OverlayChoice,
): Overlay {
  const smoothing = spec.sparse ? { ...choice.smoothing, span: 0 } : choice.smoothing;
  const runs: Overlay["runs"] = new Map();
  const drawn = entries.flatMap((entry): Drawn[] => {
    if (entry.isGroup) return groupLines(entry, smoothing, choice, runs);
    return runLines(entry, smoothing, entries.length);
  });
  const broken = entries.flatMap((entry) =>
    entry.isGroup
      ? []
      : entry.sources.flatMap(({ series, clock }) =>
          brokenOf(() => series, lineOf(entry), { ...choice, clock, hidden: [] }),
        ),
  );
  return { ...align(snapped(drawn, choice), choice), broken, runs };
}

function lineOf(entry: Entry) {
  return { series: "", label: entry.label, colour: entry.colour };
}

function runLines(entry: Entry, smoothing: Smoothing, count: number): Drawn[] {
  const look = { dash: entry.dash, strong: entry.strong };
  return entry.sources.flatMap(({ series, clock }) => {
    const source = () => series;
    const behind = [
      ...(count <= MOST_WITH_SUPERSEDED ? superseded(source, lineOf(entry), clock) : []),
      ...(count <= MOST_WITH_EXTREMES ? extremes(source, lineOf(entry), clock) : []),
    ];
    const lines = current(source, lineOf(entry), clock, smoothing);
    const shown = count <= MOST_WITH_RAW ? lines : lines.filter(({ kind }) => kind === "main");
    const all = [
      ...behind,
      ...shown.map((line) => (line.kind === "main" ? { ...line, ...look } : line)),
    ];
    return clock.axis === "time" ? all.map(withPauses) : all;
  });
}

/** Each run is smoothed by itself first: a group shows what its runs would show together. */
function groupLines(
  entry: Entry,
  smoothing: Smoothing,
  { centre, spread, range }: OverlayChoice,
  runs: Overlay["runs"],
): Drawn[] {
  const curves = entry.sources.flatMap(({ series, clock }) => {
    if (!series || series.steps.length === 0) return [];
    const y = smooth(series.steps.view(), series.values.view(), smoothing);
    return [{ x: clock.placesOf(series), y }];
  });
  const band = bandOf(
    curves,
    gridOf(
      curves.map(({ x }) => x),
      range,
    ),
    centre,
    spread,
  );
  runs.set(entry.label, new Map(band.x.map((x, index) => [x, band.runs[index] as number])));
  const base = { label: entry.label, colour: entry.colour, x: band.x };
  const part = (values: number[]) => values.map((value) => (Number.isNaN(value) ? null : value));
  const ends: Drawn[] =
    spread === "none"
      ? []
      : [
          { ...base, kind: "low", y: part(band.low) },
          { ...base, kind: "high", y: part(band.high) },
        ];
  return [...ends, { ...base, kind: "main", dash: entry.dash, y: band.centre }];
}

/** Every place where one of the curves has a point; even ones, where there are too many of them. */
export function gridOf(places: readonly ArrayLike<number>[], range: readonly [number, number]) {
  const all = new Set<number>();
  for (const column of places) {
    for (let index = 0; index < column.length; index++) all.add(column[index] as number);
  }
  if (all.size <= MOST_PLACES) return [...all].sort((a, b) => a - b);
  const [from, to] = range;
  const even = Array.from(
    { length: MOST_PLACES },
    (_, index) => from + ((to - from) * index) / (MOST_PLACES - 1),
  );
  // The ends of each curve stay, or it would end before its last point.
  const ends = places.flatMap((column) => [column[0], column[column.length - 1]]);
  return [...new Set([...even, ...ends.filter((end) => end !== undefined)])].sort((a, b) => a - b);
}

/** Moves points by less than a pixel where otherwise each line would have places of its own. */
function snapped(drawn: readonly Drawn[], { range, logX }: OverlayChoice): Drawn[] {
  const places = new Set<number>();
  for (const line of drawn) {
    for (let index = 0; index < line.x.length && places.size <= MOST_PLACES; index++) {
      places.add(line.x[index] as number);
    }
  }
  if (places.size <= MOST_PLACES || logX) return [...drawn];
  const pixel = (range[1] - range[0]) / MOST_PLACES || 1;
  const snap = (place: number) => Math.round(place / pixel) * pixel;
  return drawn.map((line) => ({ ...line, x: Array.from(line.x, snap) }));
}
