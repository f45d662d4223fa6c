import { expect, it } from "vitest";
import { controlsOf } from "./form";
import type { Table } from "./nested";
import { laidUnderStages, stageGroups, stageNames } from "./stages";

const stage = { task: {}, grpo: { group_size: 16, steps: 40 } };
const BASE: Table = {
  pipeline: ["zero", "dev1"],
  grpo: { group_size: 16, steps: 300 },
  stages: {
    zero: { ...stage, type: "grpo", start: "base" },
    dev1: { type: "sft", start: "base", data: ["cold"], task: {} },
  },
};
const SCHEMA: Table = {
  properties: {
    stages: {
      patternProperties: {
        "^[a-z]+$": {
          discriminator: { mapping: { grpo: "#/$defs/G", sft: "#/$defs/S" } },
          oneOf: [{ $ref: "#/$defs/G" }, { $ref: "#/$defs/S" }],
        },
      },
    },
  },
  $defs: {
    G: {
      properties: {
        type: { const: "grpo" },
        start: { type: "string" },
        grpo: { properties: { group_size: { type: "integer" }, steps: { type: "integer" } } },
      },
    },
    S: {
      properties: { type: { const: "sft" }, data: { type: "array", items: { type: "string" } } },
    },
  },
};

const paths = (groups: ReturnType<typeof stageGroups>, what: "fields" | "others") =>
  groups.map((group) => controlsOf(group[what] ?? []).map(({ path }) => path));

it("a stage shows what is its own, and folds what is as in the run", () => {
  const groups = stageGroups(SCHEMA, BASE, {});
  expect(groups.map(({ title }) => title)).toEqual(["zero", "dev1"]);
  expect(paths(groups, "fields")).toEqual([
    ["stages.zero.start", "stages.zero.grpo.steps"],
    ["stages.dev1.data"],
  ]);
  expect(paths(groups, "others")).toEqual([["stages.zero.grpo.group_size"], []]);
});

it("what is set for a stage stands with its own, and a stage left out has no group", () => {
  const set = { stages: { zero: { grpo: { group_size: 8 } } }, pipeline: ["zero"] };
  const [zero, ...others] = stageGroups(SCHEMA, BASE, set);
  expect(others).toEqual([]);
  expect(controlsOf(zero?.fields ?? []).map(({ path }) => path)).toContain(
    "stages.zero.grpo.group_size",
  );
  expect(stageNames(BASE, { ...BASE, pipeline: ["dev1"] })).toEqual(["zero", "dev1"]);
});

it("what is changed for the run holds for stages that do not set it themselves", () => {
  const values = laidUnderStages(BASE, { grpo: { group_size: 4, steps: 7 } });
  expect(values.stages).toMatchObject({ zero: { grpo: { group_size: 4, steps: 40 } } });
});
