import { describe, expect, it } from "vitest";
import type { ChartSpec } from "@/charts/catalogue";
import { clockOf } from "@/charts/clock";
import { SeriesTable } from "@/live/series";
import { type Entry, overlay } from "./overlay";

const SPEC: ChartSpec = {
  id: "reward",
  title: "Reward",
  help: "",
  lines: [{ series: "reward", label: "reward", colour: 1 }],
  range: [null, null],
  format: String,
};

/** A run of which steps 3 and 4 were overtaken by a second attempt. */
function resumed(label: string): Entry {
  const points = { steps: [1, 2, 3], times: [10, 20, 50], values: [1, 2, 5] };
  const superseded = [{ steps: [3, 4], times: [30, 40], values: [3, 4] }];
  const table = SeriesTable.from([{ name: "reward", ...points, superseded }]);
  const clock = clockOf(table, "step", { start: 0, holds: [] });
  const sources = [{ series: table.get("reward"), clock }];
  return { label, colour: 0, sources, isGroup: false };
}

function linesOf(entries: Entry[]) {
  const data = overlay(SPEC, entries, {
    logX: false,
    logY: false,
    smoothing: { kind: "ema", span: 0 },
    centre: "mean",
    spread: "std",
    range: [0, 10],
  });
  return data.lines.map(({ kind }, index) => ({ kind, values: data.values[index] }));
}

describe("overlay", () => {
  it("draws what a later attempt overtook behind the run's line", () => {
    expect(linesOf([resumed("one")])).toEqual([
      { kind: "old", values: [undefined, undefined, 3, 4] },
      { kind: "main", values: [1, 2, 5, undefined] },
    ]);
  });

  it("leaves it out of groups, and where more runs than have a look of their own are laid over", () => {
    const kinds = (entries: Entry[]) => new Set(linesOf(entries).map(({ kind }) => kind));
    expect(kinds([{ ...resumed("group"), isGroup: true }])).not.toContain("old");
    const many = Array.from({ length: 25 }, (_, run) => resumed(`run ${run}`));
    expect(kinds(many)).toEqual(new Set(["main"]));
    expect(kinds(many.slice(1))).toContain("old");
  });
});
