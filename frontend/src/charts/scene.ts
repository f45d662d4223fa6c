/** A chart as shapes, drawn from its numbers: what an SVG or a PNG file shows of it. */

import { AXIS_WORDS } from "./axisWords";
import type { ChartSpec } from "./catalogue";
import type { Clock } from "./clock";
import type { ChartColours } from "./colours";
import type { Extent } from "./extent";
import { written } from "./Legend";
import type { PlacedMark } from "./marks";
import { type Cell, endOf, isShown, type PlotData, type PlotLine } from "./plotData";
import { logRange, verticalRange } from "./verticalRange";

export type Shape =
  | {
      shape: "path";
      points: [number, number][][];
      stroke: string;
      width: number;
      opacity: number;
      dash?: number[];
    }
  | { shape: "area"; points: [number, number][]; fill: string; opacity: number }
  | {
      shape: "text";
      x: number;
      y: number;
      text: string;
      fill: string;
      align: Align;
      bold?: boolean;
    };

type Align = "left" | "center" | "right";

export interface Scene {
  width: number;
  height: number;
  background: string;
  shapes: Shape[];
}

export interface Picture {
  spec: ChartSpec;
  data: PlotData;
  extent: Extent;
  range: readonly [number, number];
  clock: Pick<Clock, "axis">;
  marks: readonly PlacedMark[];
  log: boolean;
  logX: boolean;
  /** The line that reads the chart, and how many points it shows. */
  words: string;
  colours: ChartColours;
}

const WIDTH = 960;
const HEIGHT = 400;
const BOX = { left: 72, right: WIDTH - 88, top: 76, bottom: HEIGHT - 36 };
const TICKS = { x: 8, y: 6 };

const TICK_PX = 6;

function markShape({ place, kind }: PlacedMark, x: Scale, colours: ChartColours): Shape {
  const top = kind === "checkpoint" ? BOX.bottom - TICK_PX : BOX.top;
  const bottom = kind === "config" ? BOX.top + TICK_PX : BOX.bottom;
  const ends: [number, number][] = [
    [x(place), top],
    [x(place), bottom],
  ];
  return line([ends], kind === "alert" ? colours.alert : colours.faint, 1, 0.6);
}

/** From a value to pixels. */
type Scale = (value: number) => number;

export function sceneOf(picture: Picture): Scene {
  const { colours, data, extent, spec, log, logX, range } = picture;
  const ends = log
    ? logRange(extent.low, extent.high)
    : verticalRange(spec.range, extent.low, extent.high);
  const x = scaleOf(range, [BOX.left, BOX.right], logX);
  const y = scaleOf(ends, [BOX.bottom, BOX.top], log);
  return {
    width: WIDTH,
    height: HEIGHT,
    background: colours.surface,
    shapes: [
      ...head(picture),
      ...grid(picture, ends, x, y),
      ...picture.marks.map((mark) => markShape(mark, x, colours)),
      ...data.lines.flatMap((one, index) => shade(picture, one, index, x, y)),
      ...data.lines.flatMap((one, index) => stroke(picture, one, index, x, y)),
      ...edges(picture, x),
      ...endLabels(picture, y),
    ],
  };
}

function scaleOf(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
  log: boolean,
): Scale {
  const at = log ? Math.log10 : (value: number) => value;
  const [low, high] = [at(from), at(to)];
  return (value) => start + ((at(value) - low) / (high - low || 1)) * (end - start);
}

function head({ spec, words, colours }: Picture): Shape[] {
  const entries = spec.lines.length > 1 ? spec.lines : [];
  let left = BOX.left;
  const legend = entries.flatMap(({ label, colour }): Shape[] => {
    const fill = colours.series[colour] ?? colours.text;
    const at = left;
    left += 28 + label.length * 7;
    return [
      line(
        [
          [
            [at, 60],
            [at + 12, 60],
          ],
        ],
        fill,
        3,
        1,
      ),
      text(at + 18, 60, label, colours.text, "left"),
    ];
  });
  return [
    { ...text(BOX.left, 20, spec.title, colours.text, "left"), bold: true },
    text(BOX.left, 40, words, colours.faint, "left"),
    ...legend,
  ];
}

function grid(
  { spec, clock, range, log, logX, colours }: Picture,
  ends: readonly [number, number],
  x: Scale,
  y: Scale,
): Shape[] {
  const words = AXIS_WORDS[clock.axis];
  const across = ticksOf(range, logX, words.increments, TICKS.x);
  const up = ticksOf(ends, log, undefined, TICKS.y);
  return [
    ...up.flatMap((value): Shape[] => [
      line(
        [
          [
            [BOX.left, y(value)],
            [BOX.right, y(value)],
          ],
        ],
        colours.grid,
        1,
        1,
      ),
      text(BOX.left - 8, y(value), spec.format(value), colours.faint, "right"),
    ]),
    ...across.map((value) =>
      text(x(value), BOX.bottom + 18, words.tick(value), colours.faint, "center"),
    ),
  ];
}

/** Round values between two ends, at most about `most` of them; powers of ten on a logarithm. */
export function ticksOf(
  [from, to]: readonly [number, number],
  log: boolean,
  increments: readonly number[] | undefined,
  most: number,
): number[] {
  if (log) {
    const first = Math.ceil(Math.log10(from) - 1e-9);
    const count = Math.floor(Math.log10(to) + 1e-9) - first + 1;
    return Array.from({ length: Math.max(0, count) }, (_, power) => 10 ** (first + power));
  }
  const wanted = (to - from) / most;
  const size = 10 ** Math.floor(Math.log10(wanted));
  const decimal = [1, 2, 5, 10].map((digit) => digit * size);
  const step =
    [...(increments ?? decimal), ...decimal].find((each) => each >= wanted * 0.999) ?? wanted;
  const first = Math.ceil(from / step - 1e-9);
  const count = Math.floor(to / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => (first + index) * step);
}

const SHADES: Partial<Record<PlotLine["kind"], number>> = { high: 0.14, most: 0.22, layer: 0.35 };

/** Between the two ends of a band, and below a layer. */
function shade(
  { data, range, colours }: Picture,
  one: PlotLine,
  index: number,
  x: Scale,
  y: Scale,
): Shape[] {
  const opacity = SHADES[one.kind];
  if (opacity === undefined) return [];
  const standsOnLine = one.kind !== "layer" || data.lines[index - 1]?.kind === "layer";
  const upper = data.drawn[index] ?? [];
  const lower = standsOnLine ? (data.drawn[index - 1] ?? []) : upper.map(() => 0);
  const there: [number, number][] = [];
  const back: [number, number][] = [];
  data.x.forEach((place, at) => {
    const [top, bottom] = [upper[at], lower[at]];
    if (place < range[0] || place > range[1]) return;
    if (typeof top !== "number" || typeof bottom !== "number") return;
    there.push([x(place), clamp(y(top))]);
    back.unshift([x(place), clamp(y(bottom))]);
  });
  const fill = colours.series[one.colour] ?? colours.text;
  return there.length > 1 ? [{ shape: "area", points: [...there, ...back], fill, opacity }] : [];
}

const STROKES: Partial<Record<PlotLine["kind"], [number, number, number[]?]>> = {
  main: [1.75, 1],
  layer: [1, 1],
  raw: [1, 0.35],
  old: [1, 0.45, [4, 3]],
};

function stroke(
  { data, range, colours }: Picture,
  one: PlotLine,
  index: number,
  x: Scale,
  y: Scale,
): Shape[] {
  const [width, opacity, dash] = STROKES[one.kind] ?? [];
  if (width === undefined || opacity === undefined) return [];
  const pieces = piecesOf(data.x, data.drawn[index] ?? [], range);
  const points = pieces.map((piece) =>
    piece.map(([place, value]): [number, number] => [x(place), clamp(y(value))]),
  );
  const colour = colours.series[one.colour] ?? colours.text;
  return [line(points, colour, width, opacity, one.dash ?? dash)];
}

/** Runs of points without a gap; what was not measured between two of them is none. */
function piecesOf(
  x: readonly number[],
  column: readonly Cell[],
  [from, to]: readonly [number, number],
) {
  const pieces: [number, number][][] = [[]];
  x.forEach((place, at) => {
    const cell = column[at];
    if (place < from || place > to || cell === undefined) return;
    if (cell === null) pieces.push([]);
    else pieces.at(-1)?.push([place, cell]);
  });
  return pieces.filter((piece) => piece.length > 0);
}

/** What has no place on the scale, said at the edge. */
function edges({ data, extent, range, colours }: Picture, x: Scale): Shape[] {
  const within = (place: number) => place >= range[0] && place <= range[1];
  const broken = data.broken.map(({ x: place, value, colour }) => {
    const high = value > 0;
    const sign = Number.isNaN(value) ? "×" : written(value, String);
    return { place, colour, sign, y: high ? BOX.top + 8 : BOX.bottom - 8 };
  });
  const outside = extent.outside.map(({ x: place, side, colour }) => ({
    place,
    colour,
    sign: side === "above" ? "▵" : "▿",
    y: side === "above" ? BOX.top + 8 : BOX.bottom - 8,
  }));
  return [...broken, ...outside]
    .filter(({ place }) => within(place))
    .map(({ place, colour, sign, y }) =>
      text(x(place), y, sign, colours.series[colour] ?? colours.text, "center"),
    );
}

function endLabels({ spec, data, range, colours }: Picture, y: Scale): Shape[] {
  if (spec.stacked) return [];
  return data.lines.flatMap((one, index): Shape[] => {
    const end = isShown(one) ? endOf(data, index) : null;
    if (!end || end.x > range[1]) return [];
    const fill = colours.series[one.colour] ?? colours.text;
    return [text(BOX.right + 8, clamp(y(end.value)), spec.format(end.value), fill, "left")];
  });
}

function clamp(pixel: number): number {
  return Math.min(BOX.bottom, Math.max(BOX.top, pixel));
}

function line(
  points: [number, number][][],
  stroke: string,
  width: number,
  opacity: number,
  dash?: number[],
): Shape {
  return { shape: "path", points, stroke, width, opacity, ...(dash && { dash }) };
}

function text(x: number, y: number, words: string, fill: string, align: Align) {
  return { shape: "text" as const, x, y, text: words, fill, align };
}
