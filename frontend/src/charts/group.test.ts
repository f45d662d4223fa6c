import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SeriesTable } from "@/live/series";
import { type ChartGroup, nearest, placeOf, stepAt, wholeRange } from "./group";

const table = SeriesTable.from([
  { name: "reward/mean", steps: [1, 2, 3], times: [1002, 1005, 1011], values: [0, 0, 0] },
]);

function group(axis: "step" | "time"): ChartGroup {
  return { table, choice: { axis, smoothing: 0, start: 1000 } } as ChartGroup;
}

describe("steps and times", () => {
  it("are the same place on either axis", () => {
    expect(stepAt(group("step"), 1.6)).toBe(2);
    expect(stepAt(group("time"), 6)).toBe(2);
    expect(placeOf(group("step"), 3)).toBe(3);
    expect(placeOf(group("time"), 3)).toBe(11);
  });

  it("span the whole run, and a little room before it has begun", () => {
    const choice = group("time").choice;
    expect(wholeRange(table, group("step").choice, 300)).toEqual([0, 300]);
    expect(wholeRange(table, choice, 300)).toEqual([0, 11]);
    expect(wholeRange(new SeriesTable(), choice, 0)).toEqual([0, 10]);
    const overtaken = SeriesTable.from([
      {
        name: "reward/mean",
        steps: [1],
        times: [1],
        values: [1],
        superseded: [{ steps: [40], times: [0], values: [0] }],
      },
    ]);
    expect(wholeRange(overtaken, group("step").choice, 12)).toEqual([0, 40]);
    expect(placeOf({ ...group("time"), table: new SeriesTable() }, 3)).toBeNull();
  });
});

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
