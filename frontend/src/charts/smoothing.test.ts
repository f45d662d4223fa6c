import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exp, over, type Precise, precise, times, toDouble } from "@/testing/precise";
import { SMOOTHING_KINDS, type Smoothing, smooth } from "./smoothing";

/** The weight of a point `distance` steps away (before: positive) as the formula is written. */
const WEIGHTS: Record<Smoothing["kind"], (distance: number, span: number) => Precise> = {
  ema: (distance, span) => (distance < 0 ? 0n : exp(over(precise(-distance), precise(span)))),
  gaussian: (distance, span) =>
    Math.abs(distance) > 4 * span
      ? 0n
      : exp(over(precise(-distance * distance), 2n * times(precise(span), precise(span)))),
  mean: (distance, span) => (distance < 0 || distance >= span ? 0n : precise(1)),
};

/** Every point against every other, in 60 decimals. */
function reference(steps: number[], values: number[], { kind, span }: Smoothing): number[] {
  return values.map((value, here) => {
    if (!Number.isFinite(value)) return value;
    let sum = 0n;
    let weight = 0n;
    values.forEach((other, there) => {
      if (!Number.isFinite(other)) return;
      const share = WEIGHTS[kind]((steps[here] as number) - (steps[there] as number), span);
      sum += times(share, precise(other));
      weight += share;
    });
    return toDouble(over(sum, weight));
  });
}

const points = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 30 }),
      value: fc.oneof(
        { weight: 9, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
        { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY) },
      ),
    }),
    { maxLength: 25 },
  )
  .map((rows) => {
    let step = 0;
    return {
      steps: rows.map((row) => (step += row.gap)),
      values: rows.map((row) => row.value),
    };
  });

describe.each(SMOOTHING_KINDS)("smoothing by %s", (kind) => {
  it("is the weighted mean of its formula, by distance in steps", () => {
    const spans = fc.double({ min: 0.5, max: 100, noNaN: true });
    fc.assert(
      fc.property(points, spans, ({ steps, values }, span) => {
        const expected = reference(steps, values, { kind, span });
        const largest = Math.max(1, ...values.filter(Number.isFinite).map(Math.abs));
        smooth(steps, values, { kind, span }).forEach((value, index) => {
          if (!Number.isFinite(values[index])) expect(value).toBe(values[index]);
          else expect(Math.abs(value - (expected[index] as number)) / largest).toBeLessThan(1e-13);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("leaves the values alone at span 0, gaps included", () => {
    expect([...smooth([1, 2, 3], [1, Number.NaN, 3], { kind, span: 0 })]).toEqual([
      1,
      Number.NaN,
      3,
    ]);
  });

  it("forgets more over a wide gap than over a narrow one", () => {
    const near = smooth([1, 2], [0, 1], { kind, span: 10 })[1] as number;
    const far = smooth([1, 40], [0, 1], { kind, span: 10 })[1] as number;
    expect(far).toBeGreaterThan(near);
  });

  it("keeps a constant what it is, however long", () => {
    const steps = Array.from({ length: 5_000 }, (_, index) => index + 1);
    const smoothed = smooth(
      steps,
      steps.map(() => 0.1),
      { kind, span: 50 },
    );
    for (const value of smoothed) expect(value).toBeCloseTo(0.1, 13);
  });
});
