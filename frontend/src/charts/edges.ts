/** Marks at a plot's edges: values that are not numbers, and points outside of the range. */

import type uPlot from "uplot";
import type { ChartColours } from "./colours";
import type { Outside } from "./extent";
import type { Broken } from "./plotData";

const SIZE_PX = 4;

/** NaN as a cross below, an infinity as a filled arrow, a point outside as an open one. */
export function drawEdges(
  plot: uPlot,
  broken: readonly Broken[],
  outside: readonly Outside[],
  colours: ChartColours,
): void {
  const { ctx, bbox } = plot;
  const size = SIZE_PX * window.devicePixelRatio;
  const [top, bottom] = [bbox.top + size + 1, bbox.top + bbox.height - size - 1];
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = 1.5 * window.devicePixelRatio;
  for (const { x, value, colour } of broken) {
    const left = plot.valToPos(x, "x", true);
    ctx.strokeStyle = ctx.fillStyle = colours.series[colour] ?? colours.text;
    if (Number.isNaN(value)) cross(ctx, left, bottom, size);
    else arrow(ctx, left, value > 0 ? top : bottom, value > 0 ? size : -size, true);
  }
  for (const { x, side, colour } of outside) {
    const left = plot.valToPos(x, "x", true);
    ctx.strokeStyle = colours.series[colour] ?? colours.text;
    arrow(ctx, left, side === "above" ? top : bottom, side === "above" ? size : -size, false);
  }
  ctx.restore();
}

function cross(ctx: CanvasRenderingContext2D, x: number, y: number, size: number): void {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x - size, y + size);
  ctx.lineTo(x + size, y - size);
  ctx.stroke();
}

/** Points up for a `size` above 0, else down. */
function arrow(
  ctx: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  filled: boolean,
): void {
  ctx.beginPath();
  ctx.moveTo(x - size, y + size);
  ctx.lineTo(x, y - size);
  ctx.lineTo(x + size, y + size);
  if (filled) ctx.fill();
  else ctx.stroke();
}
