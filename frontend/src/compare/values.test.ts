import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { configDiff } from "./configDiff";
import { Fields, groupsOf } from "./fields";
import { looksByField, looksByRun, mixed, placesOf } from "./looks";
import { asCsv, asMarkdown, columnsOf, deltaOf, sortedBy } from "./summary";
import { comparedRun, comparison } from "./testing";
import { passing, withCondition } from "./where";

const fields = new Fields(comparison());
const PALETTE = ["", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];

describe("the fields of runs", () => {
  it("are facts, config values and results", () => {
    expect(fields.value(2, "grpo.kl_coef")).toBe(0.01);
    expect(fields.value(3, "task.curriculum")).toBeUndefined();
    expect(fields.value(1, "task.curriculum")).toBeNull();
    expect(fields.value(1, "grpo.loss.type")).toBe("grpo");
    expect(fields.value(2, "tag")).toBe("a, b");
    expect(fields.value(2, "reward/mean")).toBeUndefined();
    expect(fields.number(3, "reward/mean")).toBe(1.5);
    expect(fields.value(9, "preset")).toBeUndefined();
  });

  it("group runs, those with two tags twice", () => {
    const groups = groupsOf(fields, [1, 2, 3], "tag");
    expect(groups.map(({ label, runs }) => [label, runs])).toEqual([
      ["a", [1, 2]],
      ["b", [2]],
      ["no tag", [3]],
    ]);
    expect(groupsOf(fields, [3, 1, 2], "grpo.kl_coef").map(({ runs }) => runs)).toEqual([
      [1],
      [2],
      [3],
    ]);
  });

  it("let through what conditions hold for", () => {
    const between = { field: "grpo.kl_coef", from: 0.005, to: 0.1 };
    expect(passing(fields, [1, 2, 3], [between])).toEqual([2, 3]);
    expect(passing(fields, [1, 2, 3], [between, { field: "tag", values: ["a"] }])).toEqual([2]);
    expect(passing(fields, [1, 2, 3], [{ field: "task.curriculum", values: ["not set"] }])).toEqual(
      [3],
    );
    expect(passing(fields, [1, 2], [{ field: "gone", values: [] }])).toEqual([1, 2]);
    expect(withCondition([between], "grpo.kl_coef", null)).toEqual([]);
  });
});

describe("colours", () => {
  it("of a run are the same beside any later runs", () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { maxLength: 24 });
    fc.assert(
      fc.property(ids, (runs) => {
        const places = placesOf(runs);
        expect(new Set(places.values()).size).toBe(runs.length);
        const later = placesOf([...runs, 501, 502].slice(0, 24));
        for (const run of runs) expect(later.get(run)).toBe(places.get(run));
      }),
    );
  });

  it("come again dashed, and repeat after all of them are used", () => {
    const looks = looksByRun(
      Array.from({ length: 30 }, (_, at) => at + 1),
      PALETTE,
    );
    expect(looks.of(1)).toEqual({ colour: "c2" });
    expect(looks.of(9)).toEqual({ colour: "c2", dash: [8, 4] });
    expect(looks.of(17)).toEqual({ colour: "c2", dash: [2, 3] });
    expect(looks.of(25)).toEqual(looks.of(1));
  });

  it("of few values are categories, of many numbers a scale", () => {
    const few = looksByField(fields, [1, 2, 3], "grpo.kl_coef", PALETTE);
    expect(few.colouring).toMatchObject({ kind: "categories" });
    expect([few.of(1), few.of(3)]).toEqual([{ colour: "c1" }, { colour: "c3" }]);
    const ids = Array.from({ length: 10 }, (_, at) => at + 1);
    const values = ids.map((id) => 10 ** -id);
    const many = new Fields(
      comparison({
        runs: ids.map((id) => comparedRun(id)),
        config: { common: {}, differing: [{ path: "lr", values, of: ids.map((id) => id - 1) }] },
      }),
    );
    const rgb = PALETTE.map((_, at) => `rgb(${at * 10}, 0, 0)`);
    const scale = looksByField(many, ids, "lr", rgb);
    expect(scale.colouring).toMatchObject({ kind: "scale", low: 1e-10, high: 0.1, log: true });
    expect([scale.of(10), scale.of(1)]).toEqual([{ colour: rgb[1] }, { colour: rgb[2] }]);
    expect(scale.of(4).colour).toBe(mixed([rgb[1], rgb[7], rgb[4], rgb[2]] as string[], 6 / 9));
  });

  it("are mixed evenly along a ramp", () => {
    expect(mixed(["rgb(0, 0, 0)", "rgb(100, 50, 0)", "rgb(100, 50, 200)"], 0.75)).toBe(
      "rgb(100, 50, 100)",
    );
  });
});

describe("the config diff", () => {
  it("has only what differs from the baseline, what differs most often first", () => {
    const rows = configDiff(fields, [1, 2, 3], 1);
    expect(rows).toEqual([
      {
        path: "grpo.kl_coef",
        values: ["0.001", "0.01", "0.1"],
        changed: [false, true, true],
        count: 2,
      },
      {
        path: "task.curriculum",
        values: ["null", "null", null],
        changed: [false, false, true],
        count: 1,
      },
    ]);
    expect(configDiff(fields, [1, 2], 1).map(({ path }) => path)).toEqual(["grpo.kl_coef"]);
  });
});

describe("the summary", () => {
  const found = {
    runs: [1, 2],
    series: [
      {
        name: "reward/mean",
        last: [1, "NaN" as const],
        min: [0, 0],
        max: [3, 2],
        mean: [0.5, null],
        of: [10, 0],
      },
      { name: "kl/mean", last: [1, 2], min: [0, 0], max: [3, 2], mean: [1, 1], of: [10, 10] },
      {
        name: "groups/flat",
        last: [1, 2],
        min: [0.25, 0],
        max: [3, 2],
        mean: [1, 1],
        of: [10, 10],
      },
    ],
  };

  it("has a best value where a series gets better one way", () => {
    const columns = columnsOf(found, [2, 1, 3]);
    expect(columns.map(({ series, kind }) => `${series} ${kind}`)).toEqual([
      "reward/mean last",
      "reward/mean best",
      "reward/mean mean",
      "kl/mean last",
      "kl/mean mean",
      "groups/flat last",
      "groups/flat best",
      "groups/flat mean",
    ]);
    expect(columns[0]?.values).toEqual([Number.NaN, 1, undefined]);
    expect(columns[1]?.values).toEqual([2, 3, undefined]);
    expect(columns[6]?.values).toEqual([0, 0.25, undefined]);
  });

  it("tells how far a value is from the baseline, and whether that is good", () => {
    expect(deltaOf(3, 1, "up")).toEqual({ difference: 2, verdict: "better" });
    expect(deltaOf(3, 1, "down")).toEqual({ difference: 2, verdict: "worse" });
    expect(deltaOf(0.5, 1, "down")).toEqual({ difference: -0.5, verdict: "better" });
    expect(deltaOf(3, 1, null)).toEqual({ difference: 2, verdict: null });
    expect(deltaOf(1, 1, "up")).toEqual({ difference: 0, verdict: null });
    expect(deltaOf(Number.NaN, 1, "up")).toBeNull();
    expect(deltaOf(1, undefined, "up")).toBeNull();
  });

  it("is sorted with what is missing last, either way", () => {
    const rows = [2, undefined, 10, Number.NaN, 1].map((value) => ({ value }));
    const sorted = (falling: boolean) =>
      sortedBy(rows, ({ value }) => value, falling).map(({ value }) => value);
    expect(sorted(false)).toEqual([1, 2, 10, undefined, Number.NaN]);
    expect(sorted(true)).toEqual([10, 2, 1, undefined, Number.NaN]);
    expect(sortedBy(["run 10", "run 9"], (name) => name, false)).toEqual(["run 9", "run 10"]);
  });

  it("is copied as Markdown and CSV", () => {
    const table = {
      head: ["run", "kl"],
      rows: [
        ["a|b", "1"],
        ['say "x", y', "-2"],
        ["=1+1", "−"],
      ],
    };
    expect(asMarkdown(table)).toBe(
      '| run | kl |\n| --- | ---: |\n| a\\|b | 1 |\n| say "x", y | -2 |\n| =1+1 | − |',
    );
    expect(asCsv(table)).toBe('run,kl\r\na|b,1\r\n"say ""x"", y",-2\r\n\'=1+1,−');
  });
});
