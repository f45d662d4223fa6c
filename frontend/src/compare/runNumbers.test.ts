import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRuns, MOST_RUNS, parseRuns } from "./runNumbers";

describe("runs in an address", () => {
  it("are numbers and ranges, each once and in order", () => {
    expect(parseRuns("12, 20-22,21,7")).toEqual([12, 20, 21, 22, 7]);
  });

  it("pass over what is no number", () => {
    expect(parseRuns("x,,5-,-3,9-7,4")).toEqual([4]);
    expect(parseRuns("1-999999999")).toHaveLength(MOST_RUNS);
  });

  it("are written short", () => {
    expect(formatRuns([1, 2, 3, 5, 7, 8, 4])).toBe("1-3,5,7,8,4");
  });

  it("come back as they were written", () => {
    const runs = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(runs, (ids) => {
        expect(parseRuns(formatRuns(ids))).toEqual(ids);
      }),
    );
  });
});
