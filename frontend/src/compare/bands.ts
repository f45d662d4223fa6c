/**
 * Many curves as one: their mean or median with a band around it.
 *
 * A curve counts between its first and its last point, by the straight line between the two points
 * around a place. Nothing is carried on beyond its end, and a value that is not finite leaves the
 * stretches on both its sides out. So at every place it is known how many curves there are.
 */

import { firstAbove } from "@/charts/clock";

/** `x` rises. */
export interface Curve {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

export const CENTRES = ["mean", "median"] as const;
export type Centre = (typeof CENTRES)[number];

/** `std`: sample standard deviation (n − 1); `se`: that over √n; `minmax`: all of them. */
export const SPREADS = ["std", "se", "minmax", "none"] as const;
export type Spread = (typeof SPREADS)[number];

export interface Band {
  x: number[];
  centre: number[];
  /** NaN where there is no band: for a spread of one curve. */
  low: number[];
  high: number[];
  /** How many curves there are at each place, at least one. */
  runs: number[];
}

/** The band at the rising places `grid`; places where no curve counts are left out. */
export function bandOf(
  curves: readonly Curve[],
  grid: readonly number[],
  centre: Centre,
  spread: Spread,
): Band {
  const columns = curves.map((curve) => valuesAt(curve, grid));
  const band: Band = { x: [], centre: [], low: [], high: [], runs: [] };
  grid.forEach((place, index) => {
    const values = columns.map((column) => column[index] as number).filter(Number.isFinite);
    if (values.length === 0) return;
    const middle = centre === "mean" ? mean(values) : median(values);
    const [low, high] = ends(values, middle, spread);
    band.x.push(place);
    band.centre.push(middle);
    band.low.push(low);
    band.high.push(high);
    band.runs.push(values.length);
  });
  return band;
}

/** The curve at rising places; NaN where it does not count. */
export function valuesAt({ x, y }: Curve, grid: readonly number[]): Float64Array {
  const found = new Float64Array(grid.length).fill(Number.NaN);
  const last = x.length - 1;
  if (last < 0) return found;
  let right = firstAbove(x, grid[0] ?? 0);
  grid.forEach((place, index) => {
    while (right <= last && (x[right] as number) <= place) right += 1;
    const left = right - 1;
    if (left < 0) return;
    const [xa, ya] = [x[left] as number, y[left] as number];
    if (xa === place) found[index] = ya;
    else if (right <= last) {
      const [xb, yb] = [x[right] as number, y[right] as number];
      found[index] = ya + ((yb - ya) * (place - xa)) / (xb - xa);
    }
    if (!Number.isFinite(found[index])) found[index] = Number.NaN;
  });
  return found;
}

function ends(values: readonly number[], middle: number, spread: Spread): [number, number] {
  if (spread === "minmax") return [Math.min(...values), Math.max(...values)];
  if (spread === "none" || values.length < 2) return [Number.NaN, Number.NaN];
  const half = spread === "std" ? deviation(values) : deviation(values) / Math.sqrt(values.length);
  return [middle - half, middle + half];
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] as number;
  return sorted.length % 2 ? upper : (upper + (sorted[half - 1] as number)) / 2;
}

/** Around the mean, whatever the centre is. */
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
