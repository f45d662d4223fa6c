import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  conditionLabel,
  conditionsOfBin,
  fieldsOf,
  forSupervision,
  parseCondition,
  SIGNS,
  withCondition,
  without,
} from "./conditions";

describe("conditions", () => {
  it("are read as they are written, whatever the spaces", () => {
    const field = fc.constantFrom("reward", "rewards.judge_depth", "task", "length");
    const value = fc.constantFrom("0.5", "-1e-7", "null", "count down", "stop");
    const space = fc.constantFrom("", " ", "  ");
    fc.assert(
      fc.property(field, fc.constantFrom(...SIGNS), value, space, (field, sign, value, space) => {
        const text = `${field}${space}${sign}${space}${value}`;
        expect(parseCondition(text)).toEqual({ field, sign, value });
      }),
    );
    expect(parseCondition("reward")).toBeNull();
    expect(parseCondition("reward 2")).toBeNull();
  });

  it("are said in words, numbers rounded", () => {
    expect(conditionLabel("reward>=0.30000001192092896")).toBe("reward ≥ 0.3");
    expect(conditionLabel("rewards.format!=1")).toBe("format ≠ 1");
    expect(conditionLabel("finish_reason=length")).toBe("finish reason = length");
    expect(conditionLabel("odd")).toBe("odd");
  });

  it("of a bin take its ends apart, but for the last", () => {
    expect(conditionsOfBin("reward", { low: 1, high: 1, count: 3 }, false)).toEqual(["reward=1"]);
    const bin = { low: 0.5, high: 0.75, count: 3 };
    expect(conditionsOfBin("reward", bin, false)).toEqual(["reward>=0.5", "reward<0.75"]);
    expect(conditionsOfBin("reward", bin, true)).toEqual(["reward>=0.5", "reward<=0.75"]);
  });

  it("are taken off by field and never stand twice", () => {
    const where = ["reward>=0.5", "rewards.format=0", "reward<1"];
    expect(without(where, "reward")).toEqual(["rewards.format=0"]);
    expect(withCondition(where, "reward<1")).toEqual(where);
    expect(withCondition(where, "step=4")).toEqual([...where, "step=4"]);
  });

  it("for supervision ask for what was right, and whole", () => {
    expect(forSupervision(["step>9"], ["accuracy", "format"])).toEqual([
      "step>9",
      "rewards.accuracy>=1",
      "finish_reason=stop",
    ]);
    expect(forSupervision([], ["judge"])).toEqual(["reward>=1", "finish_reason=stop"]);
  });

  it("know the parts of the reward as fields", () => {
    const fields = fieldsOf(["accuracy", "format"]);
    expect(fields.indexOf("rewards.accuracy")).toBe(fields.indexOf("reward") + 1);
  });
});
