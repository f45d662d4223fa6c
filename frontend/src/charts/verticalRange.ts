import type { ChartSpec } from "./catalogue";

const FLAT = 1e-9;

/** The wished ends where they are given, pushed out by data beyond them; else the data with air,
 * which does not reach below 0 where they do not. */
export function verticalRange(
  [low, high]: ChartSpec["range"],
  min: number | null,
  max: number | null,
): [number, number] {
  if (min === null || max === null) return [low ?? 0, high ?? (low ?? 0) + 1];
  // What rounding alone moves is drawn as the flat line that it is.
  const height = max - min > FLAT * Math.abs(max) ? max - min : Math.abs(max) || 1;
  const air = height * 0.08 || 1;
  const lowest = min >= 0 ? Math.max(0, min - air) : min - air;
  const bottom = low !== null && min >= low ? low : lowest;
  const top = high !== null && max <= high ? high : max + air;
  return [bottom, top];
}
