/** What rules look at, and how they look: recent means, trends larger than noise, broken values. */

import { formatNumber } from "@/ui/format";

/** Of one run: its series, and the few fields of its config that say what is normal. */
export interface Evidence {
  /** Steps and values of a series, gaps included; empty when there is none. */
  series(name: string): { steps: ArrayLike<number>; values: ArrayLike<number> };
  config: {
    max_new_tokens: number;
    /** Longest completion from some step on; null when it stays as it is. */
    growth: { from_step: number; max_new_tokens: number } | null;
    /** Whether each step trains on what its own policy wrote. */
    on_policy: boolean;
    format_weight: number;
    kl_coef: number;
    evaluation_every: number;
  };
}

/** One line about a chart; `wrong` when somebody should look, and then it says what to do. */
export interface Reading {
  text: string;
  wrong: boolean;
}

export const fine = (text: string): Reading => ({ text, wrong: false });
export const wrong = (text: string): Reading => ({ text, wrong: true });

/** Points at the end of a series that count as «now». */
const NOW = 10;
export const WINDOW_STEPS = 50;
export const WAITING = fine("no points yet");

interface Spread {
  mean: number;
  /** Standard error of the mean. */
  error: number;
  count: number;
}

export interface Trend {
  before: number;
  after: number;
  change: number;
  steps: number;
  /** Larger than the noise of its two ends. */
  real: boolean;
}

/** How far the newest points lie from those 50 steps back (or from the first ones). */
export function trend(steps: ArrayLike<number>, values: ArrayLike<number>): Trend | null {
  const end = steps.length;
  if (end < 6) return null;
  const width = Math.min(NOW, Math.floor(end / 2));
  const from = (steps[end - 1] as number) - WINDOW_STEPS;
  let start = 0;
  while (start < end - 2 * width && (steps[start] as number) < from) start += 1;
  const before = spread(values, start, start + width);
  const after = spread(values, end - width, end);
  if (before.count === 0 || after.count === 0) return null;
  const change = after.mean - before.mean;
  return {
    before: before.mean,
    after: after.mean,
    change,
    steps: (steps[end - 1] as number) - (steps[start] as number),
    real: Math.abs(change) > 2 * Math.hypot(before.error, after.error) + 1e-12,
  };
}

function spread(values: ArrayLike<number>, from: number, to: number): Spread {
  const some = Array.from(values).slice(from, to).filter(Number.isFinite);
  const count = some.length;
  // Divided first: the sum of large values may overflow where their mean does not.
  const mean = count > 0 ? some.reduce((sum, value) => sum + value / count, 0) : Number.NaN;
  const squares = some.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, count, error: count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0 };
}

/** Mean of the newest points; NaN when there are none. */
export function now(run: Evidence, name: string): number {
  const { values } = run.series(name);
  return spread(values, Math.max(0, values.length - NOW), values.length).mean;
}

/** Mean of the first points; NaN when there are none. */
export function atFirst(run: Evidence, name: string): number {
  const { values } = run.series(name);
  return spread(values, 0, Math.min(NOW, values.length)).mean;
}

export function newest(run: Evidence, name: string): number {
  const { values } = run.series(name);
  return values.length > 0 ? (values[values.length - 1] as number) : Number.NaN;
}

/** The newest value of a series that counts something; NaN when it is none. */
export function countOf(run: Evidence, name: string): number {
  const count = newest(run, name);
  return Number.isFinite(count) ? count : Number.NaN;
}

export function trendOf(run: Evidence, name: string): Trend | null {
  const { steps, values } = run.series(name);
  return trend(steps, values);
}

/** «rising, +0.21 over the last 50 steps»: a change that rounds to nothing is none. */
export function movement(run: Evidence, name: string, format: (change: number) => string): Reading {
  if (run.series(name).values.length === 0) return WAITING;
  const moved = trendOf(run, name);
  if (!moved) return fine("first points");
  const size = format(Math.abs(moved.change));
  if (!moved.real || !/[1-9]/.test(size)) return fine(`steady over the last ${moved.steps} steps`);
  const direction = moved.change > 0 ? "rising, +" : "falling, −";
  return fine(`${direction}${size} over the last ${moved.steps} steps`);
}

/** «3.2 ×»; in words where that has no figure, as after a start at 0. */
export function growth(value: number, start: number): string {
  const times = value / start;
  return start > 0 && Number.isFinite(times) ? `${formatNumber(times, 1)} ×` : "many times over";
}

/** The step of the newest value in the last points that is not finite, if any. */
export function brokenAt(run: Evidence, name: string): number | null {
  const { steps, values } = run.series(name);
  for (let index = values.length - 1; index >= Math.max(0, values.length - NOW); index--) {
    if (!Number.isFinite(values[index])) return steps[index] as number;
  }
  return null;
}

/** Median of the finite values; NaN when there are none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
