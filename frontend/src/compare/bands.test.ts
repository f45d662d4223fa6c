import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandOf, type Centre, type Curve, type Spread } from "./bands";

const GRID = Array.from({ length: 21 }, (_, place) => place);

function curve(points: Record<number, number>): Curve {
  const x = Object.keys(points)
    .map(Number)
    .sort((a, b) => a - b);
  return { x, y: x.map((place) => points[place] as number) };
}

/** A curve at a place, written as plainly as can be. */
function plainValue({ x, y }: Curve, place: number): number | null {
  for (let index = 0; index < x.length; index++) {
    if (x[index] === place) return Number.isFinite(y[index]) ? (y[index] as number) : null;
    const [x0, x1] = [x[index - 1] as number, x[index] as number];
    if (index > 0 && x0 < place && place < x1) {
      const [y0, y1] = [y[index - 1] as number, y[index] as number];
      const share = (place - x0) / (x1 - x0);
      const value = y0 * (1 - share) + y1 * share;
      return Number.isFinite(y0) && Number.isFinite(y1) ? value : null;
    }
  }
  return null;
}

function plainBand(curves: Curve[], place: number, centre: Centre, spread: Spread) {
  const values = curves
    .map((one) => plainValue(one, place))
    .filter((value) => value !== null)
    .sort((a, b) => a - b);
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const median =
    ((values[Math.floor((n - 1) / 2)] ?? 0) + (values[Math.ceil((n - 1) / 2)] ?? 0)) / 2;
  const middle = centre === "mean" ? mean : median;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = {
    std: Math.sqrt(variance),
    se: Math.sqrt(variance / n),
    minmax: 0,
    none: Number.NaN,
  };
  const low = spread === "minmax" ? values[0] : middle - half[spread];
  const high = spread === "minmax" ? values[n - 1] : middle + half[spread];
  return { middle, low, high, n };
}

const curves = fc.array(
  fc
    .uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 8 })
    .chain((places) =>
      fc
        .array(
          fc.oneof(
            { weight: 9, arbitrary: fc.integer({ min: -100, max: 100 }).map((value) => value / 8) },
            fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY),
          ),
          { minLength: places.length, maxLength: places.length },
        )
        .map((values) => curve(Object.fromEntries(places.map((x, at) => [x, values[at] ?? 0])))),
    ),
  { maxLength: 6 },
);

describe("a band", () => {
  it.each<[Centre, Spread]>([
    ["mean", "std"],
    ["mean", "se"],
    ["median", "minmax"],
    ["median", "std"],
    ["mean", "none"],
  ])("of %s and %s is that of a plain reference", (centre, spread) => {
    fc.assert(
      fc.property(curves, (given) => {
        const band = bandOf(given, GRID, centre, spread);
        const expected = GRID.flatMap((place) => {
          const plain = plainBand(given, place, centre, spread);
          return plain ? [{ place, ...plain }] : [];
        });
        expect(band.x).toEqual(expected.map(({ place }) => place));
        expect(band.runs).toEqual(expected.map(({ n }) => n));
        expected.forEach(({ middle, low, high }, index) => {
          expect(band.centre[index]).toBeCloseTo(middle, 9);
          if (Number.isFinite(low)) expect(band.low[index]).toBeCloseTo(low as number, 9);
          else expect(band.low[index]).toBeNaN();
          if (Number.isFinite(high)) expect(band.high[index]).toBeCloseTo(high as number, 9);
          else expect(band.high[index]).toBeNaN();
        });
      }),
    );
  });

  it("counts a run between its first and its last point, and not beyond", () => {
    const band = bandOf([curve({ 0: 0, 10: 10 }), curve({ 4: 8, 6: 8 })], GRID, "mean", "minmax");
    expect(band.x).toEqual(GRID.slice(0, 11));
    expect(band.runs).toEqual([1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1]);
    expect(band.centre[5]).toBe((5 + 8) / 2);
    expect([band.low[5], band.high[5], band.low[7]]).toEqual([5, 8, 7]);
  });

  it("has no spread where there is one run", () => {
    const band = bandOf([curve({ 0: 1, 2: 1 })], [0, 1, 2], "mean", "std");
    expect(band.low).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it("is the textbook's: 2, 4, 4, 4, 5, 5, 7, 9 spread by 2.138", () => {
    const given = [2, 4, 4, 4, 5, 5, 7, 9].map((value) => curve({ 3: value }));
    const band = bandOf(given, [3], "mean", "std");
    expect(band.centre).toEqual([5]);
    expect(band.high[0]).toBeCloseTo(5 + Math.sqrt(32 / 7), 12);
    expect(bandOf(given, [3], "mean", "se").high[0]).toBeCloseTo(5 + Math.sqrt(32 / 7 / 8), 12);
    expect(bandOf(given, [3], "median", "none").centre).toEqual([4.5]);
  });
});
