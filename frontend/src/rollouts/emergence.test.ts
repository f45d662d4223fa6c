import { describe, expect, it } from "vitest";
import { difficultyChart, EMERGENCE_CHARTS, seriesOf, wordList } from "./emergence";
import type { Emergence } from "./queries";

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

  it("draws a line for each level", () => {
    const names = seriesOf(FOUND, "difficulty 2.5").map(({ name }) => name);
    expect(names).toContain(difficultyChart([2.5]).lines[0]?.series);
  });

  it("reads words with commas between, each once", () => {
    expect(wordList(" wait, hmm,,wait ,let me see")).toEqual(["wait", "hmm", "let me see"]);
    expect(wordList(" ")).toEqual([]);
  });
});
