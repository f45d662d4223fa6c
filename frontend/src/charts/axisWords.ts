/** How places on each horizontal axis are called and written. */

import { formatCompact, formatCost, formatDuration, formatNumber } from "@/ui/format";
import type { Axis } from "./clock";

interface AxisWords {
  /** In the toolbar. */
  label: string;
  /** Head of a table's column, with the unit of its numbers. */
  column: string;
  help: string;
  tick: (place: number) => string;
  /** Under the cursor. */
  place: (place: number) => string;
  /** Distances between ticks, where those of ten do not fit. */
  increments?: number[];
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TIME_INCREMENTS = [
  [1, 2, 5, 10, 15, 30],
  [1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  [1, 2, 3, 6, 12, 24, 48, 96].map((n) => n * HOUR),
].flat();
const WHOLE_INCREMENTS = Array.from({ length: 13 }, (_, power) => power).flatMap((power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
);

export const AXIS_WORDS: Record<Axis, AxisWords> = {
  step: {
    label: "Step",
    column: "step",
    help: "Steps of training",
    tick: formatCompact,
    place: (place) => `step ${formatNumber(Math.round(place), 0)}`,
    increments: WHOLE_INCREMENTS,
  },
  tokens: {
    label: "Tokens",
    column: "tokens",
    help: "Completion tokens trained on",
    tick: formatCompact,
    place: (place) => `${formatCompact(place)} tokens`,
    increments: WHOLE_INCREMENTS,
  },
  time: {
    label: "Time",
    column: "seconds",
    help: "Time since the start, waiting included",
    tick: (place) =>
      place > 0 && place < 1
        ? `${formatNumber(place)}s`
        : formatDuration(place).replace(/ 00[smh]$/, ""),
    place: formatDuration,
    increments: TIME_INCREMENTS,
  },
  hours: {
    label: "Device-hours",
    column: "device-hours",
    help: "GPUs (or slots of a CPU) held × hours, over all attempts",
    tick: formatNumber,
    place: (place) => `${formatNumber(place)} device-h`,
  },
  cost: {
    label: "Cost",
    column: "US dollars",
    help: "Devices held, at their nodes' price",
    tick: (place) => `$${formatNumber(place)}`,
    place: (place) => (place < 10 ? `$${formatNumber(place)}` : formatCost(place)),
  },
};
