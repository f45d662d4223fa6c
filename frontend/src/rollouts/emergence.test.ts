import { describe, expect, it } from "vitest";
import {
  difficultyChart,
  difficultySeries,
  EMERGENCE_CHARTS,
  seriesOf,
  wordList,
} from "./emergence";
import type { ByDifficulty, Emergence } from "./queries";

const FOUND: Emergence = {
  steps: [1, 2, 4],
  completions: [8, 8, 8],
  length: [20, 24.5, 31],
  truncated: [0, 0, 0.125],
  reflective: [0.5, null, 1],
  reflections: [0.5, null, 2],
  counted: 16,
  mixed: [0, 0, 0],
  other_script: [0, 0, 0],
  solved: [0, null, 0.75],
  prompts: [1, 2, 3],
  prompts_solved: [0, 0, 1],
  newly_solved: [0, 0, 1],
};

/** Of steps 1 to 3 together, and of step 4. */
function byDifficulty(difficulties: ByDifficulty["difficulties"]): ByDifficulty {
  const each = <Cell>(cells: Cell[]) => difficulties.map(() => cells);
  return {
    steps: [
      { low: 1, high: 3 },
      { low: 4, high: 4 },
    ],
    difficulties,
    completions: each([4, 4]),
    solved: each<number | null>([0.5, 1]),
    prompts: each([1, 1]),
    prompts_solved: each<number | null>([1, 1]),
  };
}

describe("emergence", () => {
  it("has a series for every line that is drawn", () => {
    const names = new Set(seriesOf(FOUND).map(({ name }) => name));
    for (const { lines } of EMERGENCE_CHARTS)
      for (const { series } of lines) expect(names).toContain(series);
  });

  it("leaves out steps of which nothing is known", () => {
    const solved = seriesOf(FOUND).find(({ name }) => name === "emergence/solved");
    expect(solved).toMatchObject({ steps: [1, 4], values: [0, 0.75] });
  });

  it("tells the share of prompts that were ever solved", () => {
    const ever = seriesOf(FOUND).find(({ name }) => name === "emergence/ever");
    expect(ever?.values).toEqual([0, 0, 1 / 3]);
  });

  it("draws a line for each level, each range of many, and what is not known", () => {
    const found = byDifficulty([{ low: 2.5, high: 2.5 }, { low: 3, high: 7 }, null]);
    const series = difficultySeries(found);
    const { lines } = difficultyChart(found.difficulties);
    expect(lines.map(({ label }) => label)).toEqual(["2.5", "3–7", "not known"]);
    expect(series.map(({ name }) => name)).toEqual(lines.map((line) => line.series));
    expect(series[0]).toMatchObject({ steps: [2, 4], values: [0.5, 1] });
  });

  it("has no two lines that look alike, however many levels there are", () => {
    const levels = Array.from({ length: 13 }, (_, low) => ({ low, high: low }));
    const looks = difficultyChart(levels).lines.map(({ colour, dash }) => `${colour} ${dash}`);
    expect(new Set(looks).size).toBe(13);
  });

  it("reads words with commas between, each once", () => {
    expect(wordList(" wait, hmm,,wait ,let me see")).toEqual(["wait", "hmm", "let me see"]);
    expect(wordList(" ")).toEqual([]);
  });
});
