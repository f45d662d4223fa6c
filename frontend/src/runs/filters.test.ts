import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isCondition,
  isFiltered,
  nextSort,
  type RunFilters,
  readFilters,
  STATE_CHIPS,
  toggleStates,
  writeFilters,
} from "./filters";

const read = (address: string) => readFilters(new URLSearchParams(address));

describe("filters in the address", () => {
  test("an empty address shows everything, newest first", () => {
    expect(read("")).toEqual({
      q: "",
      states: [],
      preset: "",
      owner: "",
      tag: "",
      where: [],
      columns: [],
      sort: "-created_at",
    });
    expect(isFiltered(read(""))).toBe(false);
  });

  test("what the address says is read, and what it cannot mean is left out", () => {
    const filters = read(
      "q=sum+2&state=failed&state=melted&sort=-&tag=night&where=reward&where=kl%3C1&x=1",
    );
    expect(filters).toMatchObject({
      q: "sum 2",
      states: ["failed"],
      tag: "night",
      where: ["kl<1"],
      sort: "-created_at",
    });
    expect(isFiltered(filters)).toBe(true);
  });

  test("an order alone is no filter", () => {
    expect(isFiltered(read("sort=name&column=kl/mean"))).toBe(false);
    expect(isFiltered(read("where=reward>1"))).toBe(true);
  });

  test("any filters survive the address", () => {
    const states = fc.subarray(STATE_CHIPS.flatMap((chip) => chip.states));
    const filters: fc.Arbitrary<RunFilters> = fc.record({
      q: fc.string(),
      states,
      preset: fc.string(),
      owner: fc.string(),
      tag: fc.string(),
      where: fc.subarray(["reward>=0.5", "kl/mean<1e-3", "eval/pass_at_1!=null", "cost_usd=0"]),
      columns: fc.subarray(["kl/mean", "entropy/mean", "optim/grad_norm"]),
      sort: fc.constantFrom("-created_at", "name", "-last_step", "-kl/mean"),
    });
    fc.assert(
      fc.property(filters, (before) => {
        expect(read(writeFilters(before).toString())).toEqual(before);
      }),
    );
  });
});

describe("state chips", () => {
  test("a chip puts all its states in, and takes all of them out again", () => {
    const running = STATE_CHIPS[1]?.states ?? [];
    const on = toggleStates(["failed"], running);
    expect(on).toEqual(["failed", "starting", "running", "stopping"]);
    expect(toggleStates(on, running)).toEqual(["failed"]);
  });

  test("a chip that is half on is switched on whole", () => {
    expect(toggleStates(["running"], ["starting", "running", "stopping"])).toHaveLength(3);
  });
});

test("texts are sorted rising first, numbers falling; a second click turns the order", () => {
  expect(nextSort("-created_at", "name")).toBe("name");
  expect(nextSort("name", "name")).toBe("-name");
  expect(nextSort("name", "reward", "falling")).toBe("-reward");
  expect(nextSort("-reward", "reward", "falling")).toBe("reward");
});

test.each([
  ["reward>=0.5", true],
  ["kl/mean<1e-3", true],
  ["eval/pass_at_1=null", true],
  ["reward>null", false],
  ["reward>much", false],
  ["reward", false],
  [">1", false],
])("%s is a condition: %s", (text, is) => {
  expect(isCondition(text)).toBe(is);
});
