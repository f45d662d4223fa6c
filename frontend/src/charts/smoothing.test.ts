import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { smooth } from "./smoothing";

/** The formula as it is written: every point weighs exp(-distance / span). */
function reference(steps: number[], values: number[], span: number): number[] {
  return values.map((value, here) => {
    if (!Number.isFinite(value)) return value;
    let sum = 0;
    let weight = 0;
    for (let there = 0; there <= here; there++) {
      if (!Number.isFinite(values[there] as number)) continue;
      const share = Math.exp(-((steps[here] as number) - (steps[there] as number)) / span);
      sum += share * (values[there] as number);
      weight += share;
    }
    return sum / weight;
  });
}

const points = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 30 }),
      value: fc.oneof(
        { weight: 9, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
        { weight: 1, arbitrary: fc.constant(Number.NaN) },
      ),
    }),
    { maxLength: 60 },
  )
  .map((rows) => {
    let step = 0;
    return {
      steps: rows.map((row) => (step += row.gap)),
      values: rows.map((row) => row.value),
    };
  });

describe("smooth", () => {
  it("is the weighted mean of the points so far, by their distance in steps", () => {
    fc.assert(
      fc.property(
        points,
        fc.double({ min: 0.5, max: 100, noNaN: true }),
        ({ steps, values }, span) => {
          const expected = reference(steps, values, span);
          smooth(steps, values, span).forEach((value, index) => {
            if (Number.isNaN(values[index])) expect(value).toBeNaN();
            else expect(value).toBeCloseTo(expected[index] as number, 8);
          });
        },
      ),
    );
  });

  it("leaves the values alone at span 0, gaps included", () => {
    expect([...smooth([1, 2, 3], [1, Number.NaN, 3], 0)]).toEqual([1, Number.NaN, 3]);
  });

  it("forgets more over a wide gap than over a narrow one", () => {
    const near = smooth([1, 2], [0, 1], 10)[1] as number;
    const far = smooth([1, 40], [0, 1], 10)[1] as number;
    expect(far).toBeGreaterThan(near);
  });
});
