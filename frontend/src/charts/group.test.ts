import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nearest } from "./group";

describe("nearest", () => {
  it("finds the same value as looking at all of them", () => {
    const rising = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(rising, fc.integer({ min: -60, max: 60 }), (values, wanted) => {
        values.sort((a, b) => a - b);
        const best = Math.min(...values.map((value) => Math.abs(value - wanted)));
        expect(Math.abs((values[nearest(values, wanted)] as number) - wanted)).toBe(best);
      }),
    );
  });
});
