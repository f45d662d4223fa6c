import { describe, expect, it } from "vitest";
import { type SeriesSnapshot, SeriesTable } from "@/live/series";
import type { ChartSpec } from "./catalogue";
import { columnOf, newestOf, plotData } from "./plotData";

const SPEC: ChartSpec = {
  id: "reward",
  title: "Reward",
  help: "",
  lines: [
    { series: "reward/mean", label: "mean", colour: 1 },
    { series: "reward/format", label: "format", colour: 2 },
  ],
  range: [null, null],
  format: String,
};
const STEPS = { axis: "step", smoothing: 0, start: 1000 } as const;

function series(name: string, values: SeriesSnapshot["values"], steps?: number[]): SeriesSnapshot {
  const places = steps ?? values.map((_, index) => index + 1);
  return { name, steps: places, times: places.map((step) => 1000 + step * 2), values };
}

describe("plotData", () => {
  it("lays lines measured at different steps over one rising axis", () => {
    const table = SeriesTable.from([
      series("reward/mean", [1, 2, 3]),
      series("reward/format", [7, 9], [2, 5]),
    ]);
    const plot = plotData(table, SPEC, STEPS);
    expect(plot.x).toEqual([1, 2, 3, 5]);
    expect(columnOf(plot, "mean")).toEqual([1, 2, 3, undefined]);
    expect(columnOf(plot, "format")).toEqual([undefined, 7, undefined, 9]);
  });

  it("shows what is not a number as a gap", () => {
    const table = SeriesTable.from([series("reward/mean", [1, "NaN", 3])]);
    expect(columnOf(plotData(table, SPEC, STEPS), "mean")).toEqual([1, null, 3]);
  });

  it("keeps the raw line behind a smoothed one", () => {
    const table = SeriesTable.from([series("reward/mean", [0, 1, 0, 1])]);
    const plot = plotData(table, SPEC, { ...STEPS, smoothing: 5 });
    expect(plot.lines.map((line) => line.kind)).toEqual(["raw", "main"]);
    expect(plot.values[0]).toEqual([0, 1, 0, 1]);
    expect(plot.values[1]?.at(-1)).toBeGreaterThan(0.3);
    expect(plot.values[1]?.at(-1)).toBeLessThan(0.8);
  });

  it("counts time from the start of the run", () => {
    const table = SeriesTable.from([series("reward/mean", [1, 2])]);
    expect(plotData(table, SPEC, { ...STEPS, axis: "time" }).x).toEqual([2, 4]);
  });

  it("parts a line where nothing ran for long, on the axis of time alone", () => {
    const table = SeriesTable.from([series("reward/mean", [1, 2, 3, 4], [1, 2, 3, 900])]);
    const inTime = plotData(table, SPEC, { ...STEPS, axis: "time" });
    expect(columnOf(inTime, "mean")).toEqual([1, 2, 3, null, 4]);
    expect(inTime.x[3]).toBe((6 + 1800) / 2);
    expect(columnOf(plotData(table, SPEC, STEPS), "mean")).toEqual([1, 2, 3, 4]);
  });

  it("draws each overtaken stretch as a line of its own", () => {
    const first = series("", [8, 9], [3, 4]);
    const second = series("", [7, 6, 5], [3, 4, 5]);
    const table = SeriesTable.from([
      { ...series("reward/mean", [1, 2, 3]), superseded: [first, second] },
    ]);
    const plot = plotData(table, SPEC, STEPS);
    expect(plot.lines.map((line) => line.kind)).toEqual(["old", "old", "main"]);
    expect(plot.x).toEqual([1, 2, 3, 4, 5]);
    expect(plot.values[1]).toEqual([undefined, undefined, 7, 6, 5]);
  });

  it("puts a spread around the first line, or the two ends that were measured", () => {
    const table = SeriesTable.from([
      series("reward/mean", [1, 2]),
      series("std", [0.5, 0.25]),
      series("low", [0, 1]),
      series("high", [3, 4]),
    ]);
    const around = plotData(table, { ...SPEC, band: { spread: "std" } }, STEPS);
    expect(around.values.slice(0, 2)).toEqual([
      [0.5, 1.75],
      [1.5, 2.25],
    ]);
    const ends = plotData(table, { ...SPEC, band: { low: "low", high: "high" } }, STEPS);
    expect(ends.values.slice(0, 2)).toEqual([
      [0, 1],
      [3, 4],
    ]);
  });

  it("stacks parts, taking what was not measured for nothing", () => {
    const table = SeriesTable.from([
      series("reward/mean", [1, 2, 3]),
      series("reward/format", [10], [2]),
    ]);
    const plot = plotData(table, { ...SPEC, stacked: true }, STEPS);
    expect(plot.drawn).toEqual([
      [1, 2, 3],
      [1, 12, 3],
    ]);
    expect(columnOf(plot, "format")).toEqual([undefined, 10, undefined]);
  });
});

describe("newestOf", () => {
  it("skips what was not measured, and stops at a gap", () => {
    expect(newestOf([1, 2, undefined])).toEqual({ index: 1, value: 2 });
    expect(newestOf([1, null])).toBeNull();
    expect(newestOf([])).toBeNull();
  });
});
