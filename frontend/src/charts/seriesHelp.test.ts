import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { RUN_CHARTS } from "./catalogue";
import { helpOf, SERIES_HELP } from "./seriesHelp";

/** Names in the first column of the table under «Metrics». */
function documented(): string[] {
  const page = readFileSync("../docs/training.md", "utf8");
  const table = page.split("## Metrics")[1]?.split("\n## ")[0] ?? "";
  const cells = table
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split(" | ")[0] ?? "");
  const names = cells.flatMap((cell) => [...cell.matchAll(/`([a-z]+\/[^`]+)`/g)].map(([, n]) => n));
  return names.map((name) => String(name).replace("…", "x").replace("<set>", "x"));
}

test("every series that the trainer documents has a line of help", () => {
  const names = documented();
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => helpOf(name) === "")).toEqual([]);
});

test("every series with a chart has one, too", () => {
  const drawn = RUN_CHARTS.flatMap((chart) => chart.lines.map((line) => line.series));
  expect(drawn.filter((name) => helpOf(name) === "")).toEqual([]);
});

test("no line of help is hidden behind one that fits sooner", () => {
  for (const { name, help } of SERIES_HELP) {
    expect(helpOf(name.replace("*", "x"))).toBe(help);
  }
});

test("a pattern fits from its beginning to its end", () => {
  expect(helpOf("eval/gsm8k/pass_at_1")).toBe(helpOf("eval/pass_at_1"));
  expect(helpOf("eval/pass_at_1_low")).not.toBe(helpOf("eval/pass_at_1"));
  expect(helpOf("unheard/of")).toBe("");
});
