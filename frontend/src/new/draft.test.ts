import { describe, expect, test } from "vitest";
import { EMPTY, tagsOf, withConfig, withField, withoutField } from "./draft";

const BASE = {
  grpo: { steps: 300, group_size: 16 },
  task: { name: "chain_sum", options: { min_terms: 2 } },
};

describe("overrides", () => {
  test("hold only what differs from the preset", () => {
    const changed = withField(EMPTY, BASE, "grpo.steps", 100);
    expect(changed.overrides).toEqual({ grpo: { steps: 100 } });
    expect(withField(changed, BASE, "grpo.steps", 300).overrides).toEqual({});
    expect(withoutField(changed, "grpo.steps").overrides).toEqual({});
  });

  test("another task starts without the options of the preset's", () => {
    const other = withField(EMPTY, BASE, "task.name", "gcd");
    expect(other.overrides).toEqual({ task: { name: "gcd", options: {} } });
    expect(withField(other, BASE, "task.name", "chain_sum").overrides).toEqual({});
  });

  test("a pasted config counts as a whole, and what no field knows stays in it", () => {
    const draft = withField(EMPTY, BASE, "grpo.group_size", 4);
    const pasted = withConfig(draft, BASE, { grpo: { steps: 100, group_size: 16, grup: 1 } });
    expect(pasted.overrides).toEqual({ grpo: { steps: 100, grup: 1 } });
  });
});

test("tags are what stands between commas", () => {
  expect(tagsOf({ ...EMPTY, tags: " night, kl ,," })).toEqual(["night", "kl"]);
});
