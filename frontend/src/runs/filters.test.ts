import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
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
      sort: "-created_at",
    });
    expect(isFiltered(read(""))).toBe(false);
  });

  test("what the address says is read, and what it cannot mean is left out", () => {
    const filters = read("q=sum+2&state=failed&state=melted&sort=colour&tag=night&x=1");
    expect(filters).toMatchObject({
      q: "sum 2",
      states: ["failed"],
      tag: "night",
      sort: "-created_at",
    });
    expect(isFiltered(filters)).toBe(true);
  });

  test("an order alone is no filter", () => {
    expect(isFiltered(read("sort=name"))).toBe(false);
  });

  test("any filters survive the address", () => {
    const states = fc.subarray(STATE_CHIPS.flatMap((chip) => chip.states));
    const filters: fc.Arbitrary<RunFilters> = fc.record({
      q: fc.string(),
      states,
      preset: fc.string(),
      owner: fc.string(),
      tag: fc.string(),
      sort: fc.constantFrom("-created_at", "name", "-last_step"),
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

test("a column is sorted rising first, then falling", () => {
  expect(nextSort("-created_at", "name")).toBe("name");
  expect(nextSort("name", "name")).toBe("-name");
});
