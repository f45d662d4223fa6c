/** What all charts of a page share: one axis, one zoom, one cursor, one pinned step. */

import { createContext, useContext } from "react";
import type { SeriesTable } from "@/live/series";
import type { Clock } from "./clock";
import type { Evidence } from "./evidence";
import type { Mark } from "./marks";
import type { View } from "./view";

/** What a plot has to know of the page that it stands on. */
export interface PlotGroup {
  clock: Pick<Clock, "axis" | "placeOf" | "stepAt">;
  view: View;
  /** Range of the axis that is shown: what was dragged over, else the whole run. */
  range: [number, number];
  /** Places on the axis; null shows the whole run. */
  onZoom: (range: [number, number] | null) => void;
  /** Step whose rollouts are shown; null when they follow the run. */
  pinned: number | null;
  onPin: (step: number) => void;
}

/** The charts of one run. */
export interface ChartGroup extends PlotGroup {
  clock: Clock;
  runId: number;
  table: SeriesTable;
  /** Rises when the table changes. */
  version: number;
  /** Asks for series that the table does not hold. */
  need: (names: readonly string[]) => void;
  onView: (change: Partial<View>) => void;
  config: Evidence["config"];
  marks: readonly Mark[];
}

const Context = createContext<ChartGroup | null>(null);

export const ChartGroupProvider = Context.Provider;

export function useChartGroup(): ChartGroup {
  const group = useContext(Context);
  if (!group) throw new Error("A chart stands outside of a chart group.");
  return group;
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
