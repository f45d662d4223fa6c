import { describe, expect, it } from "vitest";
import { type SeriesSnapshot, SeriesTable } from "@/live/series";
import type { ChartSpec } from "./catalogue";
import { type Axis, clockOf } from "./clock";
import { columnOf, endOf, type PlotChoice, plotData } from "./plotData";

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

/** What is drawn of `series`, which began at second 1000. */
function plot(
  series: SeriesSnapshot[],
  choice: Partial<PlotChoice & { axis: Axis }> = {},
  spec = SPEC,
) {
  const table = SeriesTable.from(series);
  return plotData((name) => table.get(name), spec, {
    clock: clockOf(table, choice.axis ?? "step", { start: 1000, holds: [] }),
    logX: false,
    logY: false,
    smoothing: { kind: "ema", span: 0 },
    hidden: [],
    ...choice,
  });
}

function series(name: string, values: SeriesSnapshot["values"], steps?: number[]): SeriesSnapshot {
  const places = steps ?? values.map((_, index) => index + 1);
  return { name, steps: places, times: places.map((step) => 1000 + step * 2), values };
}

describe("plotData", () => {
  it("lays lines measured at different steps over one rising axis", () => {
    const drawn = plot([series("reward/mean", [1, 2, 3]), series("reward/format", [7, 9], [2, 5])]);
    expect(drawn.x).toEqual([1, 2, 3, 5]);
    expect(columnOf(drawn, "mean")).toEqual([1, 2, 3, undefined]);
    expect(columnOf(drawn, "format")).toEqual([undefined, 7, undefined, 9]);
  });

  it("draws what is not finite as a gap, keeps its value, and marks it", () => {
    const drawn = plot([series("reward/mean", [1, "NaN", 3, "-Infinity"])]);
    expect(drawn.drawn[0]).toEqual([1, null, 3, null]);
    expect(columnOf(drawn, "mean")).toEqual([1, Number.NaN, 3, Number.NEGATIVE_INFINITY]);
    expect(drawn.broken.map(({ x, value }) => [x, value])).toEqual([
      [2, Number.NaN],
      [4, Number.NEGATIVE_INFINITY],
    ]);
  });

  it("marks a bucket that holds what is not finite, though its mean is", () => {
    const ends: Partial<SeriesSnapshot> = { min: [0, 1, 2], max: [1, "Infinity", 3] };
    const bucketed = { ...series("reward/mean", [1, 2, 3]), ...ends, total: 9 };
    const { broken } = plot([{ ...bucketed, not_finite: [0, 1, 2] }]);
    expect(broken.map(({ x, value }) => [x, value])).toEqual([
      [2, Number.POSITIVE_INFINITY],
      [3, Number.NaN],
    ]);
  });

  it.each(["ema", "gaussian", "mean"] as const)("keeps the raw line behind one of %s", (kind) => {
    const some = [series("reward/mean", [0, 1, 0, 1])];
    const drawn = plot(some, { smoothing: { kind, span: 5 } });
    expect(drawn.lines.map((line) => line.kind)).toEqual(["raw", "main"]);
    expect(drawn.values[0]).toEqual([0, 1, 0, 1]);
    expect(drawn.values[1]?.at(-1)).toBeGreaterThan(0.3);
    expect(drawn.values[1]?.at(-1)).toBeLessThan(0.8);
  });

  it("shows the extremes of points that stand for many, smoothed or not", () => {
    const bucketed = { ...series("reward/mean", [1, 2]), min: [0, 2], max: [1, 900], total: 64 };
    for (const span of [0, 5]) {
      const drawn = plot([bucketed], { smoothing: { kind: "ema", span } });
      const kinds = drawn.lines.map(({ kind }) => kind);
      expect(drawn.drawn[kinds.indexOf("least")]).toEqual([0, 2]);
      expect(drawn.drawn[kinds.indexOf("most")]).toEqual([1, 900]);
    }
  });

  it("leaves out what is hidden, band and all", () => {
    const some = [
      series("reward/mean", [1, 2]),
      series("reward/format", [3, 4]),
      series("std", [1, 1]),
    ];
    const spec = { ...SPEC, band: { spread: "std" } };
    const drawn = plot(some, { hidden: ["reward/mean"] }, spec);
    expect(drawn.lines.map(({ label }) => label)).toEqual(["format"]);
  });

  it("has no place at or below 0 on a logarithmic axis", () => {
    const some = [series("reward/mean", [7, 8, "NaN"], [0, 1, 2])];
    expect(plot(some, { logX: true }).x).toEqual([1, 2]);
    const low = [series("reward/mean", [-1, 0, 0.1])];
    expect(plot(low, { logY: true }).drawn).toEqual([[null, null, 0.1]]);
    expect(plot(low, { logY: true }).values).toEqual([[-1, 0, 0.1]]);
  });

  it("counts time from the start of the run", () => {
    expect(plot([series("reward/mean", [1, 2])], { axis: "time" }).x).toEqual([2, 4]);
  });

  it("parts a line where nothing ran for long, on the axis of time alone", () => {
    const paused = [series("reward/mean", [1, 2, 3, 4], [1, 2, 3, 900])];
    const inTime = plot(paused, { axis: "time" });
    expect(inTime.drawn[0]).toEqual([1, 2, 3, null, 4]);
    expect(columnOf(inTime, "mean")).toEqual([1, 2, 3, undefined, 4]);
    expect(inTime.broken).toEqual([]);
    expect(inTime.x[3]).toBe((6 + 1800) / 2);
    expect(plot(paused).drawn[0]).toEqual([1, 2, 3, 4]);
  });

  it("draws each overtaken stretch as a line of its own", () => {
    const first = series("", [8, 9], [3, 4]);
    const second = series("", [7, 6, 5], [3, 4, 5]);
    const drawn = plot([{ ...series("reward/mean", [1, 2, 3]), superseded: [first, second] }]);
    expect(drawn.lines.map((line) => line.kind)).toEqual(["old", "old", "main"]);
    expect(drawn.x).toEqual([1, 2, 3, 4, 5]);
    expect(drawn.values[1]).toEqual([undefined, undefined, 7, 6, 5]);
  });

  it("puts a spread around the first line, or the two ends that were measured", () => {
    const some = [
      series("reward/mean", [1, 2]),
      series("std", [0.5, 0.25]),
      series("low", [0, 1]),
      series("high", [3, 4]),
    ];
    const around = plot(some, {}, { ...SPEC, band: { spread: "std" } });
    expect(around.values.slice(0, 2)).toEqual([
      [0.5, 1.75],
      [1.5, 2.25],
    ]);
    const ends = plot(some, {}, { ...SPEC, band: { low: "low", high: "high" } });
    expect(ends.values.slice(0, 2)).toEqual([
      [0, 1],
      [3, 4],
    ]);
  });

  it("stacks parts, taking what was not measured for nothing", () => {
    const some = [series("reward/mean", [1, 2, 3]), series("reward/format", [10], [2])];
    const drawn = plot(some, {}, { ...SPEC, stacked: true });
    expect(drawn.drawn).toEqual([
      [1, 2, 3],
      [1, 12, 3],
    ]);
    expect(columnOf(drawn, "format")).toEqual([undefined, 10, undefined]);
  });
});

describe("endOf", () => {
  it("skips what was not measured, and stops at what is not finite", () => {
    const some = [series("reward/mean", [1, 2]), series("reward/format", [7, 9, "NaN"])];
    const drawn = plot(some);
    expect(endOf(drawn, 0)).toEqual({ x: 2, value: 2 });
    expect(endOf(drawn, 1)).toBeNull();
    expect(endOf(plot([]), 0)).toBeNull();
  });

  it("tells the last point of the last bucket, not the bucket's mean, nor the smoothed one", () => {
    const buckets = { ...series("reward/mean", [1, 5], [10, 20]), last: [2, 8] };
    expect(endOf(plot([{ ...buckets, total: 20 }]), 2)).toEqual({ x: 20, value: 8 });
    const smoothed = plot([series("reward/mean", [0, 10])], {
      smoothing: { kind: "ema", span: 50 },
    });
    const main = smoothed.lines.findIndex(({ kind }) => kind === "main");
    expect(endOf(smoothed, main)).toEqual({ x: 2, value: 10 });
  });
});
