import type { ChartSpec } from "./catalogue";

/** The wished ends where they are given, pushed out by data beyond them; else the data with air. */
export function verticalRange(
  [low, high]: ChartSpec["range"],
  min: number | null,
  max: number | null,
): [number, number] {
  if (min === null || max === null) return [low ?? 0, high ?? (low ?? 0) + 1];
  const air = (max - min || Math.abs(max) || 1) * 0.08;
  const bottom = low !== null && min >= low ? low : min - air;
  const top = high !== null && max <= high ? high : max + air;
  return [bottom, top];
}
