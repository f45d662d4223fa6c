/** What all charts of a page share: one axis, one zoom, one cursor, one pinned step. */

import { createContext, useContext } from "react";
import type { SeriesTable } from "@/live/series";
import type { PlotChoice } from "./plotData";
import type { Evidence } from "./readings";

export interface ChartGroup {
  table: SeriesTable;
  /** Rises when the table changes. */
  version: number;
  choice: PlotChoice;
  config: Evidence["config"];
  /** Range of x that is shown: what was dragged over, else the whole run. */
  range: [number, number];
  onZoom: (range: [number, number] | null) => void;
  /** Step whose rollouts are shown; null when they follow the run. */
  pinned: number | null;
  onPin: (step: number) => void;
}

const Context = createContext<ChartGroup | null>(null);

export const ChartGroupProvider = Context.Provider;

export function useChartGroup(): ChartGroup {
  const group = useContext(Context);
  if (!group) throw new Error("A chart stands outside of a chart group.");
  return group;
}

/** The series that has a point for each step; it ties steps and times together. */
function clock(table: SeriesTable) {
  return table.get("reward/mean") ?? table.get(table.names()[0] ?? "");
}

/** The step at a place of the axis. */
export function stepAt({ table, choice }: ChartGroup, x: number): number {
  if (choice.axis === "step") return Math.round(x);
  const series = clock(table);
  const index = nearest(series?.times.view() ?? [], x + choice.start);
  return series?.steps.at(index) ?? 0;
}

/** The place of a step on the axis; null when the run has no such step. */
export function placeOf({ table, choice }: ChartGroup, step: number): number | null {
  if (choice.axis === "step") return step;
  const series = clock(table);
  const index = nearest(series?.steps.view() ?? [], step);
  const time = series?.times.at(index);
  return time === undefined || Number.isNaN(time) ? null : time - choice.start;
}

/** Ends of the axis over all that the table holds. */
export function wholeRange(
  table: SeriesTable,
  choice: PlotChoice,
  steps: number,
): [number, number] {
  if (choice.axis === "step") {
    const overtaken = clock(table)?.superseded.steps.view() ?? new Float64Array();
    return [0, overtaken.reduce((end, step) => Math.max(end, step), Math.max(10, steps))];
  }
  const ends = table.names().map((name) => (table.get(name)?.times.at(-1) ?? 0) - choice.start);
  return [0, Math.max(10, ...ends)];
}

/** Index of the value nearest to `wanted` in rising values. */
export function nearest(values: ArrayLike<number>, wanted: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  const before = values[low - 1];
  const here = values[low];
  if (before === undefined || here === undefined) return low;
  return wanted - before <= here - wanted ? low - 1 : low;
}
