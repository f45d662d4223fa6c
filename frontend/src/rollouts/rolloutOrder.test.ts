import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Completion } from "./queries";
import { histogram, picked, rightCount, SORTS, sorted, unscoredCount } from "./rolloutOrder";

const completion = (index: number, part: Partial<Completion> = {}): Completion => ({
  id: `1-${index}`,
  index,
  text: "",
  reward: 0,
  rewards: {},
  reward_errors: {},
  advantage: 0,
  length: 1,
  finish_reason: "stop",
  logprob_mean: null,
  entropy_mean: null,
  parsed: null,
  reasons: {},
  starred: false,
  notes: 0,
  ...part,
});

describe("sorted", () => {
  const group = [
    completion(0, { advantage: -1, length: 9 }),
    completion(1, { advantage: 2, length: 5 }),
    completion(2, { advantage: -1, length: 7 }),
  ];

  it.each([
    ["advantage", [1, 0, 2]],
    ["-advantage", [0, 2, 1]],
    ["length", [0, 2, 1]],
    ["index", [0, 1, 2]],
  ] as const)("by %s", (sort, order) =>
    expect(sorted(group, sort).map(({ index }) => index)).toEqual(order),
  );

  it("keeps every completion, whatever the order", () => {
    const groups = fc.array(fc.record({ advantage: fc.double({ noNaN: true }) }));
    fc.assert(
      fc.property(groups, fc.constantFrom(...SORTS), (parts, { value }) => {
        const all = parts.map((part, index) => completion(index, part));
        expect(new Set(sorted(all, value))).toEqual(new Set(all));
      }),
    );
  });
});

describe("picked", () => {
  it("is the best, the worst or the one between, of equal ones the first", () => {
    const group = [2, 0, 1, 2, 1].map((reward, index) => completion(index, { reward }));
    expect(picked(group, "best")?.index).toBe(0);
    expect(picked(group, "median")?.reward).toBe(1);
    expect(picked(group, "worst")?.index).toBe(1);
    expect(picked([], "best")).toBeUndefined();
    expect(picked([completion(0, { reward: null }), completion(1)], "worst")?.index).toBe(0);
  });
});

describe("counts", () => {
  it("right is a full accuracy, not a good form", () => {
    const group = [
      completion(0, { reward: 2, rewards: { accuracy: 1, format: 1 } }),
      completion(1, { reward: 1, rewards: { accuracy: 0, format: 1 } }),
      completion(2, { reward: 1, rewards: {} }),
    ];
    expect(rightCount(group)).toBe(2);
    expect(unscoredCount(group)).toBe(0);
  });

  it("what could not be scored is neither right nor forgotten", () => {
    const late = { accuracy: "timed out after 10 s" };
    const group = [
      completion(0, { reward: null, rewards: { format: 1 }, reward_errors: late }),
      completion(1, { reward: 1, rewards: { format: 1 }, reward_errors: late }),
    ];
    expect(rightCount(group)).toBe(0);
    expect(unscoredCount(group)).toBe(1);
  });

  it("every reward falls into one bin, the ends into the outer ones", () => {
    expect(histogram([0, 1, 2, 2, -1], 4, 0, 2)).toEqual([2, 0, 1, 2]);
    expect(histogram([-1, -0.5, 1, 3], 4, -1, 3)).toEqual([2, 0, 1, 1]);
    expect(histogram([0, 0], 4, 0, 0)).toEqual([2, 0, 0, 0]);
  });
});
