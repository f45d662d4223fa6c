/** Numbers of 60 decimals, to hold floating point against: exact sums, products and exponentials. */

const ONE = 10n ** 60n;

export type Precise = bigint;

/** The very value of a double; what of it lies beyond 60 decimals is dropped. */
export function precise(value: number): Precise {
  let power = 0n;
  let whole = value;
  while (!Number.isInteger(whole)) {
    whole *= 2;
    power += 1n;
  }
  return (BigInt(whole) * ONE) >> power;
}

export const times = (a: Precise, b: Precise): Precise => (a * b) / ONE;
export const over = (a: Precise, b: Precise): Precise => (a * ONE) / b;

/** e to the power of `x`, by halving x until the series ends soon and squaring back. */
export function exp(x: Precise): Precise {
  const halvings = 16n;
  const small = x / 2n ** halvings;
  let term = ONE;
  let sum = ONE;
  for (let n = 1n; term !== 0n; n++) {
    term = times(term, small) / n;
    sum += term;
  }
  for (let n = 0n; n < halvings; n++) sum = times(sum, sum);
  return sum;
}

/** The nearest double, nearly. */
export function toDouble(value: Precise): number {
  return Number((value * 10n ** 20n) / ONE) / 1e20;
}
