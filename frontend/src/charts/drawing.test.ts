import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asTsv } from "./ChartTable";
import { spread } from "./endLabels";
import { logRange, verticalRange } from "./verticalRange";

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe("verticalRange", () => {
  it("always holds the data, and never has no height", () => {
    const end = fc.option(finite);
    fc.assert(
      fc.property(end, end, finite, finite, (low, high, a, b) => {
        fc.pre(low === null || high === null || low < high);
        const [bottom, top] = verticalRange([low, high], Math.min(a, b), Math.max(a, b));
        expect(bottom).toBeLessThanOrEqual(Math.min(a, b));
        expect(top).toBeGreaterThanOrEqual(Math.max(a, b));
        expect(top).toBeGreaterThan(bottom);
      }),
    );
  });

  it("keeps the wished ends while the data lie within them", () => {
    expect(verticalRange([0, 1], 0.2, 0.9)).toEqual([0, 1]);
    expect(verticalRange([0, 1], 0.2, 1.4)[1]).toBeGreaterThan(1.4);
  });

  it("makes nothing of what rounding moves, and no values below 0 of none", () => {
    const [bottom, top] = verticalRange([null, null], 1e-4, 1e-4 + 1e-20);
    expect(top - bottom).toBeGreaterThan(1e-5);
    expect(verticalRange([null, null], 0, 0)[0]).toBe(0);
  });

  it("has a height before there are data", () => {
    expect(verticalRange([0, null], null, null)).toEqual([0, 1]);
    expect(verticalRange([null, null], null, null)).toEqual([0, 1]);
  });
});

describe("logRange", () => {
  it("holds the data between two values of one digit, and never has no height", () => {
    const positive = fc.double({ min: Number.MIN_VALUE, max: 1e300, noNaN: true });
    fc.assert(
      fc.property(positive, positive, (a, b) => {
        const [bottom, top] = logRange(Math.min(a, b), Math.max(a, b));
        expect(bottom).toBeGreaterThan(0);
        expect(bottom).toBeLessThanOrEqual(Math.max(Math.min(a, b), 1e-300) * (1 + 1e-8));
        expect(top).toBeGreaterThanOrEqual(Math.max(a, b) * (1 - 1e-8));
        expect(top).toBeGreaterThan(bottom);
      }),
    );
    expect(logRange(1.8, 2.1)).toEqual([1, 3]);
    expect(logRange(0.02, 45)).toEqual([0.02, 50]);
    expect(logRange(null, null)).toEqual([0.1, 1]);
  });
});

describe("spread", () => {
  it("gives each label a line of its own, in the order of the values", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ y: finite })), (labels) => {
        const places = spread(labels, 14).map(({ y }) => y);
        expect(places).toHaveLength(labels.length);
        for (let index = 1; index < places.length; index++) {
          const gap = (places[index] as number) - (places[index - 1] as number);
          expect(gap).toBeGreaterThanOrEqual(14 - 1e-6);
        }
      }),
    );
  });

  it("pushes up what would stand below the axis", () => {
    const places = spread([{ y: 100 }, { y: 100 }, { y: 80 }, { y: 10 }], 14, 100);
    expect(places.map(({ y }) => y)).toEqual([10, 72, 86, 100]);
  });

  it("leaves labels where they are when they have room", () => {
    expect(spread([{ y: 40 }, { y: 10 }], 14)).toEqual([{ y: 10 }, { y: 40 }]);
  });
});

describe("asTsv", () => {
  it("has a header, full precision, what is no number, and nothing where nothing was measured", () => {
    const values = [
      [1 / 3, Number.NaN],
      [undefined, 2],
    ];
    const line = (label: string) => ({ kind: "main" as const, label, colour: 1 });
    const lines = [line("mean"), line("format")];
    const data = { lines, x: [1, 2], values, drawn: values, broken: [], newest: [] };
    expect(asTsv(data, "step", [0, 1])).toBe(
      "step\tmean\tformat\n1\t0.3333333333333333\t\n2\tNaN\t2",
    );
  });
});
