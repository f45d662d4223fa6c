/** How a chart's lines, axes and cursor are drawn by uPlot. */

import type uPlot from "uplot";
import { AXIS_WORDS } from "./axisWords";
import type { ChartSpec } from "./catalogue";
import type { Axis } from "./clock";
import { type ChartColours, faded } from "./colours";
import type { Extent } from "./extent";
import { isShown, type PlotLine } from "./plotData";
import { logRange, verticalRange } from "./verticalRange";

const FONT = "12px 'Inter Variable', sans-serif";
/** Room for the newest value at the right end of its line. */
const END_LABEL_PX = 64;
/** Room for the count of points above the plot. */
const TOP_PX = 18;
const BYTE_INCREMENTS = Array.from({ length: 45 }, (_, power) => 2 ** power);

/** What the chart tells its surroundings. */
export interface PlotEvents {
  range: () => [number, number];
  extent: () => Extent;
  onDraw: (plot: uPlot) => void;
  onCursor: (plot: uPlot) => void;
  onZoom: (range: [number, number] | null) => void;
  /** Index of the series that the cursor is near, from 1. */
  onFocus: (index: number) => void;
}

interface PlotShape {
  spec: ChartSpec;
  lines: readonly PlotLine[];
  axis: Axis;
  log: boolean;
  logX: boolean;
  /** Charts with the same key share their cursor. */
  sync: string;
  /** The line near the cursor is told, and the others can step back behind one. */
  focuses: boolean;
}

/** How visible the other lines stay. */
const BEHIND = 0.15;
const FOCUS_PX = 24;
/** With more lines they bear no point at the cursor. */
const MOST_POINTS = 12;

export function plotOptions(
  shape: PlotShape,
  colours: ChartColours,
  size: { width: number; height: number },
  events: PlotEvents,
): uPlot.Options {
  return {
    ...size,
    padding: [TOP_PX, shape.spec.stacked ? 12 : END_LABEL_PX, 0, 0],
    legend: { show: false },
    cursor: cursorOptions(shape, colours, events),
    scales: {
      x: { time: false, distr: shape.logX ? 3 : 1, range: () => events.range() },
      y: { distr: shape.log ? 3 : 1, range: () => verticalEnds(shape, events.extent()) },
    },
    axes: axes(shape, colours),
    series: [{}, ...shape.lines.map((line) => seriesOptions(line, shape.spec, colours))],
    bands: bands(shape.lines, colours),
    ...(shape.focuses && { focus: { alpha: BEHIND } }),
    hooks: {
      draw: [events.onDraw],
      setCursor: [events.onCursor],
      setSelect: [(plot) => zoomToSelection(plot, events)],
      setSeries: [(_plot, index) => events.onFocus(index ?? 0)],
    },
  };
}

function verticalEnds({ spec, log }: PlotShape, { low, high }: Extent): [number, number] {
  return log ? logRange(low, high) : verticalRange(spec.range, low, high);
}

function cursorOptions(shape: PlotShape, colours: ChartColours, events: PlotEvents): uPlot.Cursor {
  const follows = (type: string) => type === "mousemove" || type === "mouseleave";
  return {
    y: false,
    drag: { x: true, y: false, setScale: false, dist: 4 },
    bind: {
      dblclick: () => () => {
        events.onZoom(null);
        return null;
      },
    },
    sync: {
      key: shape.sync,
      setSeries: false,
      scales: ["x", null],
      filters: { pub: follows, sub: follows },
    },
    ...(shape.focuses && { focus: { prox: FOCUS_PX } }),
    points: {
      show: shape.lines.length <= MOST_POINTS,
      size: (_plot, index) => (isShown(shape.lines[index - 1]) ? 7 : 0),
      width: 1.5,
      stroke: colours.surface,
      fill: (_plot, index) => colours.series[shape.lines[index - 1]?.colour ?? 1] ?? "",
    },
  };
}

function zoomToSelection(plot: uPlot, events: PlotEvents): void {
  const { left, width } = plot.select;
  if (width <= 0) return;
  events.onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

function axes(shape: PlotShape, colours: ChartColours): uPlot.Axis[] {
  const base: uPlot.Axis = {
    stroke: colours.faint,
    font: FONT,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
  };
  const words = AXIS_WORDS[shape.axis];
  return [
    {
      ...base,
      size: 24,
      gap: 4,
      space: 56,
      grid: { show: false },
      ...(words.increments && !shape.logX && { incrs: words.increments }),
      values: (_plot, values) => values.map((value) => (value === null ? "" : words.tick(value))),
    },
    {
      ...base,
      size: 52,
      gap: 6,
      space: 32,
      ...(shape.spec.bytes && { incrs: BYTE_INCREMENTS }),
      values: (_plot, values) =>
        values.map((value) => (value === null ? "" : shape.spec.format(value))),
    },
  ];
}

function seriesOptions(line: PlotLine, spec: ChartSpec, colours: ChartColours): uPlot.Series {
  const colour = colours.series[line.colour] ?? colours.text;
  const hidden: uPlot.Series = { width: 0, points: { show: false } };
  switch (line.kind) {
    case "main":
      return {
        stroke: colour,
        width: line.strong ? 2.75 : 1.75,
        ...(line.dash && { dash: line.dash }),
        points: spec.sparse ? { show: true, size: 5, fill: colour } : { size: 4, fill: colour },
      };
    case "raw":
      return { stroke: faded(colour, 0.35), width: 1, points: { show: false } };
    case "old":
      return { stroke: faded(colour, 0.45), width: 1, dash: [4, 3], points: { show: false } };
    case "layer":
      return { stroke: colour, width: 1, fill: faded(colour, 0.35), points: { show: false } };
    case "low":
    case "high":
    case "least":
    case "most":
      return hidden;
  }
}

/** Shade between a band's two ends, and between a layer and the one below it. */
function bands(lines: readonly PlotLine[], colours: ChartColours): uPlot.Band[] {
  return lines.flatMap((line, index) => {
    const colour = colours.series[line.colour] ?? colours.text;
    if (line.kind === "high") {
      return [{ series: [index + 1, index] as [number, number], fill: faded(colour, 0.14) }];
    }
    if (line.kind === "most") {
      return [{ series: [index + 1, index] as [number, number], fill: faded(colour, 0.22) }];
    }
    if (line.kind === "layer" && index > 0) {
      return [{ series: [index + 1, index] as [number, number], fill: faded(colour, 0.35) }];
    }
    return [];
  });
}
