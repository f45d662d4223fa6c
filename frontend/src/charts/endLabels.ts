/** The newest value, written at the right end of its line; labels never cover each other. */

import type uPlot from "uplot";
import type { ChartSpec } from "./catalogue";
import type { ChartColours } from "./colours";
import { endOf, type PlotData } from "./plotData";

const LINE_PX = 14;
const GAP_PX = 6;
/** More labels would cover each other, and more than these nobody reads. */
const MOST_LABELS = 8;

interface Label {
  y: number;
  text: string;
  colour: string;
}

export function drawEndLabels(
  plot: uPlot,
  data: PlotData,
  spec: ChartSpec,
  colours: ChartColours,
): void {
  const count = data.lines.filter((line) => line.kind === "main").length;
  if (spec.stacked || count > MOST_LABELS) return;
  const { ctx, bbox } = plot;
  const dpr = window.devicePixelRatio;
  const left = bbox.left + bbox.width + GAP_PX * dpr;
  ctx.save();
  ctx.font = `500 ${12 * dpr}px "Inter Variable", sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const labels = labelsOf(plot, data, spec, colours);
  for (const label of spread(labels, LINE_PX * dpr, bbox.top + bbox.height)) {
    ctx.fillStyle = label.colour;
    ctx.fillRect(left, label.y - 1.5 * dpr, 3 * dpr, 3 * dpr);
    ctx.fillStyle = colours.text;
    ctx.fillText(label.text, left + 6 * dpr, label.y);
  }
  ctx.restore();
}

function labelsOf(plot: uPlot, data: PlotData, spec: ChartSpec, colours: ChartColours): Label[] {
  const [from, to] = [plot.scales.x?.min ?? 0, plot.scales.x?.max ?? 0];
  return data.lines.flatMap((line, index) => {
    if (line.kind !== "main") return [];
    const end = endOf(data, index);
    if (!end || end.x < from || end.x > to) return [];
    const y = plot.valToPos(end.value, "y", true);
    if (!Number.isFinite(y)) return [];
    const colour = colours.series[line.colour] ?? colours.text;
    return [{ y, text: spec.format(end.value), colour }];
  });
}

/** Pushes labels apart, top to bottom, until each has its own line; those that would come to stand
 * below `lowest`, over what the axis says, go up again and push others before them. */
export function spread<Place extends { y: number }>(
  labels: readonly Place[],
  line: number,
  lowest = Number.POSITIVE_INFINITY,
): Place[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.y - b.y);
  let highest = Number.NEGATIVE_INFINITY;
  for (const label of sorted) {
    label.y = Math.max(label.y, highest);
    highest = label.y + line;
  }
  let below = lowest;
  for (const label of sorted.toReversed()) {
    label.y = Math.min(label.y, below);
    below = label.y - line;
  }
  return sorted;
}

/** A line through the pinned step. */
export function drawPin(plot: uPlot, x: number | null, colours: ChartColours): void {
  const [from, to] = [plot.scales.x?.min ?? 0, plot.scales.x?.max ?? 0];
  if (x === null || x < from || x > to) return;
  const { ctx, bbox } = plot;
  const left = Math.round(plot.valToPos(x, "x", true));
  ctx.save();
  ctx.strokeStyle = colours.accent;
  ctx.lineWidth = window.devicePixelRatio;
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}
