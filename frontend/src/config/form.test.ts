import { describe, expect, test } from "vitest";
import { fromText, groupsOf, initialConfig } from "./form";
import type { Table } from "./nested";

/** As pydantic writes it: definitions, references, constraints, units. */
const SCHEMA: Table = {
  $defs: {
    GrpoConfig: {
      description: "Group Relative Policy Optimization.",
      type: "object",
      properties: {
        group_size: {
          type: "integer",
          default: 16,
          minimum: 2,
          maximum: 4096,
          unit: "completions",
          description: "Completions sampled for each question.",
        },
        kl_coef: { type: "number", default: 0.001, exclusiveMinimum: 0 },
      },
    },
    TaskConfig: {
      type: "object",
      properties: {
        type: { type: "string", const: "reasoning_gym", default: "reasoning_gym" },
        name: { type: "string", enum: ["chain_sum", "gcd"], default: "chain_sum" },
        options: { type: "object", default: {} },
        shuffle: { type: "boolean", default: true },
      },
    },
  },
  type: "object",
  properties: {
    seed: { type: "integer", default: 0, minimum: 0, exclusiveMaximum: 2147483648 },
    grpo: { $ref: "#/$defs/GrpoConfig", default: {} },
    task: { $ref: "#/$defs/TaskConfig" },
  },
};

const groups = groupsOf(SCHEMA);
const field = (path: string) => {
  const found = groups.flatMap((group) => group.fields).find((each) => each.path === path);
  if (!found) throw new Error(`no field ${path}`);
  return found;
};

describe("the form", () => {
  test("has a group for each table, and one for what stands alone", () => {
    expect(groups.map((group) => group.title)).toEqual(["GRPO", "Task", "Run"]);
    expect(groups[0]?.description).toBe("Group Relative Policy Optimization.");
  });

  test("gives every field its label, unit, range and help", () => {
    expect(field("grpo.group_size")).toEqual({
      path: "grpo.group_size",
      kind: "number",
      label: "Group size",
      help: "Completions sampled for each question.",
      unit: "completions",
      range: "from 2 to 4,096",
      initial: 16,
    });
    expect(field("grpo.kl_coef")).toMatchObject({ label: "KL coefficient", range: "above 0" });
    expect(field("seed").range).toBe("from 0 below 2,147,483,648");
  });

  test("renders each type by its own kind of control", () => {
    expect(field("task.name")).toMatchObject({ kind: "choice", choices: ["chain_sum", "gcd"] });
    expect(field("task.type")).toMatchObject({ kind: "choice", choices: ["reasoning_gym"] });
    expect(field("task.options").kind).toBe("table");
    expect(field("task.shuffle").kind).toBe("boolean");
  });

  test("starts from the schema's defaults", () => {
    expect(initialConfig(groups)).toEqual({
      seed: 0,
      grpo: { group_size: 16, kl_coef: 0.001 },
      task: { type: "reasoning_gym", name: "chain_sum", options: {}, shuffle: true },
    });
  });
});

describe("what was typed", () => {
  test.each([
    ["32", 32],
    ["1,024", 1024],
    ["3e-4", 0.0003],
    ["", ""],
    ["many", "many"],
  ])("%j in a number's field means %j", (typed, value) => {
    expect(fromText(field("grpo.group_size"), typed)).toBe(value);
  });
});
