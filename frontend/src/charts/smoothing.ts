/**
 * Smoothing over uneven steps: what counts is how far points lie apart, not how many lie between.
 *
 * Everywhere a value that is not finite stays what it is and weighs nothing.
 */

export const SMOOTHING_KINDS = ["ema", "gaussian", "mean"] as const;

export interface Smoothing {
  kind: (typeof SMOOTHING_KINDS)[number];
  /** In steps; 0 is none. */
  span: number;
}

type Column = ArrayLike<number>;

/**
 * The smoothed values; `steps` rise.
 *
 * - `ema`: each point before weighs exp(−distance / span), divided by the sum of the weights, which
 *   keeps the start unbiased.
 * - `gaussian`: points on both sides weigh exp(−distance² / 2 span²); beyond 4 spans, none.
 * - `mean`: the plain mean of the points of the last `span` steps.
 */
export function smooth(steps: Column, values: Column, { kind, span }: Smoothing): Float64Array {
  if (span <= 0) return Float64Array.from(values);
  if (kind === "ema") return exponential(steps, values, span);
  return kind === "gaussian" ? gaussian(steps, values, span) : trailingMean(steps, values, span);
}

function exponential(steps: Column, values: Column, span: number): Float64Array {
  const smoothed = Float64Array.from(values);
  let mean = 0;
  let weight = 0;
  let last = steps[0] ?? 0;
  for (let index = 0; index < smoothed.length; index++) {
    const value = values[index] as number;
    if (!Number.isFinite(value)) continue;
    const step = steps[index] as number;
    weight = weight * Math.exp(-Math.max(0, step - last) / span) + 1;
    mean += (value - mean) / weight;
    smoothed[index] = mean;
    last = step;
  }
  return smoothed;
}

/** Beyond so many spans a weight is below 0.0004. */
const REACH = 4;

function gaussian(steps: Column, values: Column, span: number): Float64Array {
  const weigh = (distance: number) => Math.exp((-distance * distance) / (2 * span * span));
  // Steps are whole numbers: each weight is computed once.
  const weights = Float64Array.from({ length: Math.floor(REACH * span) + 1 }, (_, at) => weigh(at));
  return windowed(steps, values, REACH * span, REACH * span, (at) => weights[at] ?? weigh(at));
}

function trailingMean(steps: Column, values: Column, span: number): Float64Array {
  // The step that lies `span` back is the first one outside.
  return windowed(steps, values, span * (1 - Number.EPSILON), 0, () => 1);
}

/** Weighted means of the points from `back` steps before to `ahead` steps after each point. */
function windowed(
  steps: Column,
  values: Column,
  back: number,
  ahead: number,
  weigh: (distance: number) => number,
): Float64Array {
  const smoothed = Float64Array.from(values);
  let from = 0;
  let to = 0;
  for (let index = 0; index < smoothed.length; index++) {
    const step = steps[index] as number;
    while ((steps[from] as number) < step - back) from += 1;
    while (to < values.length && (steps[to] as number) <= step + ahead) to += 1;
    if (!Number.isFinite(values[index])) continue;
    let sum = 0;
    let weight = 0;
    for (let near = from; near < to; near++) {
      const value = values[near] as number;
      if (!Number.isFinite(value)) continue;
      const share = weigh(Math.abs((steps[near] as number) - step));
      sum += share * value;
      weight += share;
    }
    smoothed[index] = sum / weight;
  }
  return smoothed;
}
