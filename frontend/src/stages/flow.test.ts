import { expect, it } from "vitest";
import { inputOf, resultsOf, stageOf } from "@/testing/stages";
import { arrowsOf, laneCount } from "./flow";
import { configsOf, currentStage, ofStageAt, stepsDone } from "./queries";
import { bestOf } from "./results";

const STAGES = [
  stageOf({ name: "zero" }),
  stageOf({ name: "cold", inputs: [inputOf("weights", "zero")], first_step: 11, last_step: 20 }),
  stageOf({ name: "dev1", inputs: [inputOf("weights", null), inputOf("data", "cold")] }),
  stageOf({ name: "preference", inputs: [inputOf("weights", "dev1")] }),
  stageOf({
    name: "final",
    inputs: [inputOf("weights", "dev1"), inputOf("reward_model", "preference")],
  }),
  stageOf({ name: "results", kind: "evaluate", inputs: [inputOf("model", "final")] }),
];

it("arrows go straight to a neighbour and beside the boxes to others", () => {
  const arrows = arrowsOf(STAGES).map(({ role, from, to, lane }) => [role, from, to, lane]);
  expect(arrows).toEqual([
    ["weights", 0, 1, 0],
    ["data", 1, 2, 0],
    ["weights", 2, 3, 0],
    ["weights", 2, 4, 1],
    ["reward_model", 3, 4, 0],
    ["model", 4, 5, 0],
  ]);
});

it("two arrows to the same neighbour do not lie on each other", () => {
  const both = [inputOf("weights", "zero"), inputOf("data", "zero")];
  const arrows = arrowsOf([stageOf(), stageOf({ name: "next", inputs: both })]);
  expect(arrows.map(({ lane }) => lane)).toEqual([0, 1]);
});

it("arrows that overlap have lanes of their own, those that follow share one", () => {
  const from = (...names: string[]) => names.map((name) => inputOf("weights", name));
  const arrows = arrowsOf([
    stageOf({ name: "a" }),
    stageOf({ name: "b" }),
    stageOf({ name: "c", inputs: from("a") }),
    stageOf({ name: "d", inputs: from("b") }),
    stageOf({ name: "e", inputs: from("c") }),
  ]);
  expect(arrows.map(({ lane }) => lane)).toEqual([1, 2, 1]);
  expect(laneCount(arrows)).toBe(2);
});

it("the best of a column is marked once two are told", () => {
  expect(bestOf(resultsOf(0.2, 0.6, null, 0.4))).toEqual([1]);
  expect(bestOf(resultsOf(0.2, null))).toEqual([null]);
});

it("the current stage is the one under way, then the last that began", () => {
  const began_at = "2026-03-01T12:00:00Z";
  const [zero, cold, dev1] = [
    stageOf({ began_at, state: "finished" }),
    stageOf({ name: "cold", began_at, state: "running" }),
    stageOf({ name: "dev1" }),
  ];
  expect(currentStage([zero, cold, dev1])).toBe(cold);
  expect(currentStage([zero, dev1])).toBe(zero);
  expect(currentStage([dev1])).toBeUndefined();
});

it("steps of a stage count from its beginning to its end", () => {
  const cold = STAGES[1] as (typeof STAGES)[number];
  expect([5, 13, 40].map((step) => stepsDone(cold, step))).toEqual([0, 3, 10]);
});

it("a step is judged by the config of its stage", () => {
  const stages = { zero: { grpo: { steps: 10 } }, cold: {} };
  const run = { config: { pipeline: ["zero", "cold"], stages, grpo: { steps: 300 } } };
  expect(ofStageAt(run, STAGES, 4).config.grpo).toEqual({ steps: 10 });
  expect(ofStageAt(run, STAGES, 15).config.grpo).toEqual({ steps: 300 });
  expect(configsOf({ config: {} })).toHaveLength(1);
});
