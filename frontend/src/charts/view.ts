/** How a reader wants to see a run's charts; it lives in the page's address. */

import type { Axis } from "./clock";
import type { Smoothing } from "./smoothing";

export interface View {
  axis: Axis;
  /** Logarithmic horizontal axis. */
  logX: boolean;
  smoothing: Smoothing;
  /** Steps, fractions too; null shows the whole run. */
  zoom: [number, number] | null;
  /** Vertical ranges leave far outliers outside. */
  robust: boolean;
  /** Names of series that are not drawn. */
  hidden: readonly string[];
  /** Ids of charts on a logarithmic scale, and of those shown as tables. */
  log: readonly string[];
  tables: readonly string[];
  /** The series beside the headline charts are unfolded. */
  more: boolean;
}

export const FIRST_VIEW: View = {
  axis: "step",
  logX: false,
  smoothing: { kind: "ema", span: 5 },
  zoom: null,
  robust: false,
  hidden: [],
  log: [],
  tables: [],
  more: false,
};

/** `items` with `item`, or without it when it was among them. */
export function toggled(items: readonly string[], item: string): string[] {
  return items.includes(item) ? items.filter((other) => other !== item) : [...items, item];
}
