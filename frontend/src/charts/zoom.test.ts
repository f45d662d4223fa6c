import fc from "fast-check";
import { expect, test } from "vitest";
import { closer, farther, moved, type Stretch } from "./zoom";

const WHOLE: Stretch = [0, 1000];
const stretch = fc
  .tuple(fc.double({ min: 0, max: 990, noNaN: true }), fc.double({ min: 1, max: 10, noNaN: true }))
  .map(([from, width]): Stretch => [from, from + width]);

test("closer shows half, around the pinned step where it is in sight", () => {
  expect(closer([0, 100], null)).toEqual([25, 75]);
  expect(closer([0, 100], 60)).toEqual([35, 85]);
  expect(closer([0, 100], 95)).toEqual([50, 100]);
  expect(closer([0, 100], 400)).toEqual([25, 75]);
});

test("farther shows twice as much, and in the end all", () => {
  expect(farther([100, 200], WHOLE)).toEqual([50, 250]);
  expect(farther([0, 100], WHOLE)).toEqual([0, 200]);
  expect(farther([300, 800], WHOLE)).toBeNull();
});

test("whatever is pressed, the stretch stays inside and as wide as it should be", () => {
  fc.assert(
    fc.property(stretch, fc.constantFrom(1 as const, -1 as const), (now, by) => {
      const width = now[1] - now[0];
      for (const [[from, to], wanted] of [
        [moved(now, by, WHOLE), width],
        [closer(now, null), width / 2],
        [farther(now, WHOLE) ?? WHOLE, 2 * width],
      ] as const) {
        expect(from).toBeGreaterThanOrEqual(-1e-9);
        expect(to).toBeLessThanOrEqual(1000 + 1e-9);
        expect(to - from).toBeCloseTo(wanted, 6);
      }
    }),
  );
});
