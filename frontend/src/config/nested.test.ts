import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differences, getAt, isEqual, laidOver, setAt, type Table, withoutAt } from "./nested";

const BASE = {
  seed: 0,
  grpo: { steps: 300, group_size: 16 },
  task: { name: "chain_sum", options: { min_terms: 2, max_terms: 2 } },
};

describe("paths", () => {
  test("a value is read, set and taken out, without touching what it was made from", () => {
    const before = structuredClone(BASE);
    expect(getAt(BASE, "grpo.steps")).toBe(300);
    expect(getAt(BASE, "grpo.nothing.deeper")).toBeUndefined();
    expect(getAt(setAt(BASE, "grpo.steps", 5), "grpo.steps")).toBe(5);
    expect(setAt({}, "a.b.c", 1)).toEqual({ a: { b: { c: 1 } } });
    expect(withoutAt(BASE, "grpo.steps")).toMatchObject({ grpo: { group_size: 16 } });
    expect(BASE).toEqual(before);
  });

  test("taking out the last setting of a table takes the table", () => {
    expect(withoutAt({ grpo: { steps: 3 }, seed: 1 }, "grpo.steps")).toEqual({ seed: 1 });
    expect(withoutAt({ seed: 1 }, "grpo.steps")).toEqual({ seed: 1 });
  });
});

describe("laying over", () => {
  test("a task's options are one value", () => {
    const laid = laidOver(BASE, { task: { name: "gcd", options: { max_value: 9 } } });
    expect(laid.task).toEqual({ name: "gcd", options: { max_value: 9 } });
  });

  const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string());
  const config: fc.Arbitrary<Table> = fc.record({
    seed: scalar,
    grpo: fc.record({ steps: scalar, group_size: scalar }),
    task: fc.record({ name: scalar, options: fc.dictionary(fc.string(), scalar, { maxKeys: 3 }) }),
  });

  test("the differences of two configs, laid over the one, give the other", () => {
    fc.assert(
      fc.property(config, config, (wanted, base) => {
        const laid = laidOver(base, differences(wanted, base));
        expect(isEqual(laid, wanted)).toBe(true);
      }),
    );
  });

  test("a config differs in nothing from itself", () => {
    fc.assert(
      fc.property(config, (same) => {
        expect(differences(same, same)).toEqual({});
      }),
    );
  });
});
