/** How a chart's lines, axes and cursor are drawn by uPlot. */

import uPlot from "uplot";
import { formatCompact, formatDuration } from "@/ui/format";
import type { ChartSpec } from "./catalogue";
import { type ChartColours, faded } from "./colours";
import type { Axis, PlotLine } from "./plotData";
import { verticalRange } from "./verticalRange";

const FONT = "12px 'Inter Variable', sans-serif";
/** Room for the newest value at the right end of its line. */
const END_LABEL_PX = 56;
const STEP_INCREMENTS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
);
const BYTE_INCREMENTS = Array.from({ length: 45 }, (_, power) => 2 ** power);
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TIME_INCREMENTS = [
  [1, 2, 5, 10, 15, 30],
  [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  [1, 2, 3, 6, 12, 24, 48, 96].map((n) => n * HOUR),
].flat();

/** What the chart tells its surroundings. */
export interface PlotEvents {
  range: () => [number, number];
  onDraw: (plot: uPlot) => void;
  onCursor: (index: number | null) => void;
  onZoom: (range: [number, number] | null) => void;
}

interface PlotShape {
  spec: ChartSpec;
  lines: readonly PlotLine[];
  axis: Axis;
  log: boolean;
  /** Charts with the same key share their cursor. */
  sync: string;
}

export function plotOptions(
  shape: PlotShape,
  colours: ChartColours,
  size: { width: number; height: number },
  events: PlotEvents,
): uPlot.Options {
  return {
    ...size,
    padding: [8, shape.spec.stacked ? 12 : END_LABEL_PX, 0, 0],
    legend: { show: false },
    cursor: cursorOptions(shape, colours, events),
    scales: {
      x: { time: false, range: () => events.range() },
      y: shape.log
        ? { distr: 3, range: (_plot, min, max) => uPlot.rangeLog(min, max, 10, true) }
        : { range: (_plot, min, max) => verticalRange(shape.spec.range, min, max) },
    },
    axes: axes(shape, colours),
    series: [{}, ...shape.lines.map((line) => seriesOptions(line, shape.spec, colours))],
    bands: bands(shape.lines, colours),
    hooks: {
      draw: [events.onDraw],
      setCursor: [(plot) => events.onCursor(plot.cursor.idx ?? null)],
      setSelect: [(plot) => zoomToSelection(plot, events)],
    },
  };
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
    points: {
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
  const steps = shape.axis === "step";
  return [
    {
      ...base,
      size: 24,
      gap: 4,
      space: 56,
      grid: { show: false },
      incrs: steps ? STEP_INCREMENTS : TIME_INCREMENTS,
      values: (_plot, values) => values.map(steps ? formatCompact : formatWhole),
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

/** A round duration without its zeros: "5m 00s" → "5m". */
function formatWhole(seconds: number): string {
  return formatDuration(seconds).replace(/ 00[smh]$/, "");
}

function isShown(line: PlotLine | undefined): boolean {
  return line?.kind === "main" || line?.kind === "layer";
}

function seriesOptions(line: PlotLine, spec: ChartSpec, colours: ChartColours): uPlot.Series {
  const colour = colours.series[line.colour] ?? colours.text;
  const hidden: uPlot.Series = { width: 0, points: { show: false } };
  switch (line.kind) {
    case "main":
      return {
        stroke: colour,
        width: 1.75,
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
    if (line.kind === "layer" && index > 0) {
      return [{ series: [index + 1, index] as [number, number], fill: faded(colour, 0.35) }];
    }
    return [];
  });
}
