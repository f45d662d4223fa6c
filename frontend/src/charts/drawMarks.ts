/** Marks as a canvas draws them: fine lines for what changed the run, ticks for what was saved. */

import type uPlot from "uplot";
import { type ChartColours, faded } from "./colours";
import type { MarkKind, PlacedMark } from "./marks";

/** Marks of a kind that would stand closer than this are drawn as one. */
const APART_PX = 3;
const TICK_PX = 5;
const HEAD_PX = 4;

/** Only what cuts a run in two stands from top to bottom. */
const DASHES: Partial<Record<MarkKind, number[]>> = {
  fork: [1, 3],
  resume: [4, 3],
  alert: [],
  stage: [],
};
const NAME_PX = 10;

export function drawMarks(plot: uPlot, marks: readonly PlacedMark[], colours: ChartColours): void {
  const { ctx } = plot;
  const dpr = window.devicePixelRatio;
  ctx.save();
  ctx.lineWidth = dpr;
  const last = new Map<MarkKind, number>();
  for (const { kind, place } of marks) {
    const left = Math.round(plot.valToPos(place, "x", true)) + 0.5;
    if (left - (last.get(kind) ?? Number.NEGATIVE_INFINITY) < APART_PX * dpr) continue;
    last.set(kind, left);
    drawMark(plot, kind, left, kind === "alert" ? colours.alert : colours.faint);
  }
  drawNames(plot, marks, colours);
  ctx.restore();
}

/** Each at the right of its mark, where it ends before the next one begins. */
function drawNames(plot: uPlot, marks: readonly PlacedMark[], colours: ChartColours): void {
  const { ctx, bbox } = plot;
  const dpr = window.devicePixelRatio;
  const named = marks.filter((mark) => mark.name);
  ctx.fillStyle = colours.faint;
  ctx.font = `${NAME_PX * dpr}px ${getComputedStyle(plot.root).fontFamily}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "top";
  for (const [index, { name = "", place }] of named.entries()) {
    const next = named[index + 1];
    const left = plot.valToPos(place, "x", true) + 3 * dpr;
    const end = next ? plot.valToPos(next.place, "x", true) : bbox.left + bbox.width;
    if (left + ctx.measureText(name).width < end) ctx.fillText(name, left, bbox.top + dpr);
  }
}

function drawMark({ ctx, bbox }: uPlot, kind: MarkKind, left: number, colour: string): void {
  const dpr = window.devicePixelRatio;
  const [top, bottom] = [bbox.top, bbox.top + bbox.height];
  const dash = DASHES[kind];
  const tick = TICK_PX * dpr;
  ctx.strokeStyle = dash ? faded(colour, 0.5) : colour;
  ctx.setLineDash((dash ?? []).map((length) => length * dpr));
  ctx.beginPath();
  ctx.moveTo(left, kind === "checkpoint" ? bottom - tick : top);
  ctx.lineTo(left, kind === "config" ? top + tick : bottom);
  ctx.stroke();
  if (kind !== "alert") return;
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.moveTo(left - HEAD_PX * dpr, top);
  ctx.lineTo(left + HEAD_PX * dpr, top);
  ctx.lineTo(left, top + HEAD_PX * 1.5 * dpr);
  ctx.fill();
}
