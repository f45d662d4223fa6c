import { describe, expect, test } from "vitest";
import { controlsOf, fromText, groupsOf, initialConfig } from "./form";
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

const groups = groupsOf(SCHEMA, initialConfig(SCHEMA));
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
      nullable: false,
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
    expect(initialConfig(SCHEMA)).toEqual({
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

const LOSSES: Table = {
  clip: {
    description: "Clipped.",
    type: "object",
    properties: {
      type: { const: "clip", default: "clip", type: "string" },
      eps: { type: "number", default: 0.2 },
    },
  },
  plain: {
    description: "As it is.",
    type: "object",
    properties: { type: { const: "plain", default: "plain", type: "string" } },
  },
};
/** A union, a table that may be left out, a table in a table, a number that may be, and lists. */
const NESTED: Table = {
  $defs: {
    ...LOSSES,
    growth: {
      type: "object",
      properties: { from_step: { type: "integer" }, tokens: { type: "integer", default: 8 } },
    },
    length: { type: "object", properties: { weight: { type: "number", default: 0 } } },
    grpo: {
      type: "object",
      properties: {
        loss: {
          default: { type: "clip", eps: 0.2 },
          discriminator: {
            propertyName: "type",
            mapping: { clip: "#/$defs/clip", plain: "#/$defs/plain" },
          },
          oneOf: [{ $ref: "#/$defs/clip" }, { $ref: "#/$defs/plain" }],
        },
        growth: { anyOf: [{ $ref: "#/$defs/growth" }, { type: "null" }], default: null },
        length: { $ref: "#/$defs/length" },
        k: { anyOf: [{ type: "integer", minimum: 1 }, { type: "null" }], default: null },
        stop: { type: "array", items: { type: "string" }, default: [] },
        sets: { type: "array", items: { $ref: "#/$defs/length" } },
      },
    },
  },
  type: "object",
  properties: { grpo: { $ref: "#/$defs/grpo" } },
};

describe("a form of nested tables", () => {
  const paths = (values: Table) =>
    groupsOf(NESTED, values)
      .flatMap((group) => controlsOf(group.fields))
      .map((each) => each.path.replace("grpo.", ""));
  const initial = initialConfig(NESTED);
  const find = (path: string) =>
    groupsOf(NESTED, initial)
      .flatMap((group) => controlsOf(group.fields))
      .find((each) => each.path === `grpo.${path}`);

  test("starts from every default, and null where there is none", () => {
    expect(initial).toEqual({
      grpo: {
        loss: { type: "clip", eps: 0.2 },
        growth: null,
        length: { weight: 0 },
        k: null,
        stop: [],
        sets: [],
      },
    });
  });

  test("shows the fields of the chosen variant", () => {
    const clipped = ["loss", "loss.eps", "growth", "length.weight", "k", "stop", "sets"];
    expect(paths(initial)).toEqual(clipped);
    expect(paths({ grpo: { loss: { type: "plain" } } })).not.toContain("loss.eps");
    expect(find("loss")).toMatchObject({
      kind: "variant",
      help: "Clipped.",
      variants: { clip: { type: "clip", eps: 0.2 }, plain: { type: "plain" } },
    });
  });

  test("shows the fields of a table once it is switched on", () => {
    expect(find("growth")).toMatchObject({ kind: "switch", on: { from_step: null, tokens: 8 } });
    const on = paths({ grpo: { growth: { from_step: 2, tokens: 8 } } });
    expect(on).toEqual(expect.arrayContaining(["growth", "growth.from_step", "growth.tokens"]));
  });

  test("keeps the fields of a table together, under its name", () => {
    const [grpo] = groupsOf(NESTED, initial);
    expect(grpo?.fields.find((each) => each.path === "grpo.length")).toMatchObject({
      kind: "section",
      label: "Length",
      fields: [{ path: "grpo.length.weight", label: "Weight" }],
    });
  });

  test("leaves a number empty that may be null", () => {
    const k = find("k");
    expect(k).toMatchObject({ kind: "number", nullable: true, range: "from 1" });
    expect(k && fromText(k, " ")).toBeNull();
    expect(k && fromText(k, "4")).toBe(4);
  });

  test("tells lists of strings from others", () => {
    expect(find("stop")?.kind).toBe("lines");
    expect(find("sets")).toMatchObject({ kind: "json", item: { weight: 0 } });
  });
});
