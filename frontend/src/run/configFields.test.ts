import { parse, stringify } from "smol-toml";
import { describe, expect, it } from "vitest";
import { configSections, differences, withoutNulls } from "./configFields";

const PRESET = { seed: 0, grpo: { steps: 300, group_size: 16 }, task: { options: { terms: 2 } } };
const CONFIG = { seed: 0, grpo: { steps: 12, group_size: 16 }, task: { options: { digits: 3 } } };

describe("configSections", () => {
  const sections = configSections(CONFIG, PRESET);
  const field = (path: string) =>
    sections.flatMap((section) => section.fields).find((found) => found.path === path);

  it("groups fields by their table", () => {
    expect(sections.map((section) => section.name)).toEqual(["", "grpo", "task"]);
    expect(field("task.options.digits")?.name).toBe("options.digits");
  });

  it("marks what differs from the preset, with the preset's value", () => {
    expect(field("grpo.steps")).toMatchObject({ changed: true, value: 12, preset: 300 });
    expect(field("grpo.group_size")).toMatchObject({ changed: false });
    expect(field("task.options.digits")).toMatchObject({ changed: true, preset: undefined });
  });

  it("numbers the tables of a list, and leaves other lists whole", () => {
    const task = { parts: [{ weight: 2, task: { name: "gcd" } }, { weight: 1 }], stop: ["a", "b"] };
    const [section] = configSections({ task, sets: [] }, null);
    expect(section?.fields.map(({ name, value }) => [name, value])).toEqual([
      ["parts.0.weight", 2],
      ["parts.0.task.name", "gcd"],
      ["parts.1.weight", 1],
      ["stop", ["a", "b"]],
    ]);
  });

  it("marks nothing without a preset", () => {
    const fields = configSections(CONFIG, null).flatMap((section) => section.fields);
    expect(fields.filter((found) => found.changed)).toEqual([]);
  });
});

describe("differences", () => {
  it("name each field with what it was and what it is", () => {
    const [before, after] = [
      { seed: 1, grpo: { steps: 3 }, old: true },
      { seed: 1, grpo: { steps: 4 }, new: [] },
    ];
    expect(differences(before, after)).toEqual([
      "grpo.steps 3 → 4",
      "old true → not set",
      "new not set → []",
    ]);
    expect(differences(before, before)).toEqual([]);
  });
});

describe("TOML", () => {
  it("keeps everything but nulls", () => {
    const config = { a: null, b: { c: null, d: [1, 2] }, e: "x", f: [{ g: null, h: 1 }] };
    const kept = { b: { d: [1, 2] }, e: "x", f: [{ h: 1 }] };
    expect(parse(stringify(withoutNulls(config)))).toEqual(kept);
  });
});
