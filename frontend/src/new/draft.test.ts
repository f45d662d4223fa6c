import { describe, expect, test } from "vitest";
import { laidOver } from "@/config/nested";
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

  test("another variant takes the table's place, and the preset's comes back as it was", () => {
    const base = { grpo: { loss: { type: "clip", eps: 10 } } };
    const other = withField(EMPTY, base, "grpo.loss", { type: "plain" });
    expect(other.overrides).toEqual({ grpo: { loss: { type: "plain" } } });
    expect(laidOver(base, other.overrides)).toEqual(other.overrides);
    expect(withField(other, base, "grpo.loss", { type: "clip", eps: 0.2 }).overrides).toEqual({});
  });

  test("a table that was left out comes back as the preset has it", () => {
    const base = { sampling: { growth: { from_step: 8, max_new_tokens: 9 } } };
    const off = withField(EMPTY, base, "sampling.growth", null);
    expect(off.overrides).toEqual({ sampling: { growth: null } });
    const on = withField(off, base, "sampling.growth", { from_step: null, max_new_tokens: 1 });
    expect(on.overrides).toEqual({});
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
