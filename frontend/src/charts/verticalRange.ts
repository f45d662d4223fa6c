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
  const above = low === bottom ? 0.08 * (max - bottom) : 0; // as the eye sees it, from the floor up
  const top = high !== null && max <= high ? high : max + Math.max(air, above);
  return [bottom, top];
}

/** Ends of a logarithmic axis: the data between two values of one digit each (0.3, 20). */
export function logRange(min: number | null, max: number | null): [number, number] {
  const low = Math.max(min ?? 0.1, SMALLEST);
  const high = Math.max(max ?? 1, low);
  const power = (value: number) => 10 ** Math.floor(Math.log10(value));
  const bottom = Math.floor(low / power(low) + FLAT) * power(low);
  const top = Math.ceil(high / power(high) - FLAT) * power(high);
  return [bottom, top > bottom ? top : bottom + power(low)];
}

/** Below it powers of ten lose their digits. */
const SMALLEST = 1e-300;
