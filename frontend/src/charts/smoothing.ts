/**
 * Exponential moving average over uneven steps.
 *
 * A point's weight falls by e for every `span` steps it lies back, however many points lie between;
 * dividing by the sum of weights keeps the start unbiased. A gap (NaN) stays a gap and weighs nothing.
 */
export function smooth(
  steps: ArrayLike<number>,
  values: ArrayLike<number>,
  span: number,
): Float64Array {
  const smoothed = Float64Array.from(values);
  if (span <= 0) return smoothed;
  let sum = 0;
  let weight = 0;
  let last = steps[0] ?? 0;
  for (let index = 0; index < smoothed.length; index++) {
    const value = values[index] as number;
    if (!Number.isFinite(value)) continue;
    const step = steps[index] as number;
    const decay = Math.exp(-Math.max(0, step - last) / span);
    sum = sum * decay + value;
    weight = weight * decay + 1;
    smoothed[index] = sum / weight;
    last = step;
  }
  return smoothed;
}
