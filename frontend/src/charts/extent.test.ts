import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extentOf, fences } from "./extent";
import type { LineKind, PlotData } from "./plotData";

function data(columns: [LineKind, (number | null | undefined)[]][]): PlotData {
  const drawn = columns.map(([, column]) => column);
  return {
    lines: columns.map(([kind]) => ({ kind, label: kind, colour: 1 })),
    x: (drawn[0] ?? []).map((_, index) => index),
    values: [],
    drawn,
    broken: [],
    newest: [],
  };
}

const ALL: [number, number] = [0, 1e9];
const [plain, robust] = [false, true];
const calm = Array.from({ length: 100 }, (_, index) => Math.sin(index));
const column = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1 });

describe("extentOf", () => {
  it("holds every point that is drawn in the range, and none outside of it", () => {
    const plotted = data([["main", [9, 1, null, 5, undefined, -7]]]);
    expect(extentOf(plotted, [1, 4], plain)).toEqual({ low: 1, high: 5, outside: [] });
    expect(extentOf(plotted, [2, 2], plain)).toEqual({ low: null, high: null, outside: [] });
  });

  it("reaches up to the extreme of a bucket, so that its spike can be seen", () => {
    const plotted = data([
      ["least", [0, 0]],
      ["most", [1, 900]],
      ["main", [0.5, 1]],
    ]);
    expect(extentOf(plotted, ALL, plain).high).toBe(900);
  });

  it("leaves a planted spike outside when it is to be robust, and says where it is", () => {
    const spiked = [...calm.slice(0, 50), 1e6, ...calm.slice(50), -1e6];
    const { low, high, outside } = extentOf(data([["main", spiked]]), ALL, robust);
    expect(high).toBeLessThan(10);
    expect(low).toBeGreaterThan(-10);
    expect(outside).toEqual([
      { x: 50, side: "above", colour: 1 },
      { x: 101, side: "below", colour: 1 },
    ]);
  });

  it("says where a value has no place on a logarithm", () => {
    const plotted = { ...data([["main", [1, null, null, 10]]]), values: [[1, 0, Number.NaN, 10]] };
    expect(extentOf(plotted, ALL, plain)).toEqual({
      low: 1,
      high: 10,
      outside: [{ x: 1, side: "below", colour: 1 }],
    });
    const lost = { ...data([["main", [null]]]), values: [[-3]] };
    expect(extentOf(lost, ALL, plain).outside).toHaveLength(1);
  });

  it("judges by what was measured, and marks a bucket once", () => {
    const most = calm.map((value, index) => (index === 30 ? 1e6 : value));
    const plotted = data([
      ["most", most],
      ["raw", most],
      ["main", calm],
    ]);
    const { outside } = extentOf(plotted, ALL, robust);
    expect(outside).toEqual([{ x: 30, side: "above", colour: 1 }]);
  });
});

describe("fences", () => {
  it("lie within the data, hold the middle half, and leave few outside", () => {
    fc.assert(
      fc.property(column, (values) => {
        const [low, high] = fences(values);
        const sorted = values.toSorted((a, b) => a - b);
        const quartile = (share: number) =>
          sorted[Math.round(share * (sorted.length - 1))] as number;
        expect(low).toBeGreaterThanOrEqual(sorted[0] as number);
        expect(high).toBeLessThanOrEqual(sorted.at(-1) as number);
        expect(low).toBeLessThanOrEqual(quartile(0.25));
        expect(high).toBeGreaterThanOrEqual(quartile(0.75));
      }),
    );
  });

  it("leave nothing outside of an even spread, whatever its scale", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (scale) => {
        const values = calm.map((value) => value * scale);
        expect(fences(values)).toEqual([Math.min(...values), Math.max(...values)]);
      }),
    );
  });

  it("close on one value only when hardly a point has another", () => {
    expect(fences([...new Array(90).fill(0), ...new Array(10).fill(0.01)])).toEqual([0, 0.01]);
    expect(fences([...new Array(99).fill(0), 5])).toEqual([0, 0]);
  });
});
