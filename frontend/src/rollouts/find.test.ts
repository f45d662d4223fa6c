import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksOf } from "./blocks";
import { placesOf, within } from "./find";

const found = (text: string, words: string) =>
  placesOf(text, blocksOf(text), words).map(([from, to]) => text.slice(from, to));

describe("finding in a completion", () => {
  it("takes words as they are written, in capitals or not", () => {
    expect(found("Wait. (a+b)? WAIT, a+b.", "wait")).toEqual(["Wait", "WAIT"]);
    expect(found("Wait. (a+b)? WAIT, a+b.", "A+B")).toEqual(["a+b", "a+b"]);
    expect(found("aab", "a.")).toEqual([]);
    expect(found("anything", "  ")).toEqual([]);
  });

  it("finds nothing in the tags, which are not shown", () => {
    expect(found("<think>\nI think\n</think>\n<answer>think</answer>", "think")).toEqual([
      "think",
      "think",
    ]);
  });

  it("finds what goes from one block into the next, in both of them", () => {
    const text = `${"a".repeat(1000)}. Then b${"c".repeat(1000)}`;
    const blocks = blocksOf(text);
    const places = placesOf(text, blocks, ". Then");
    expect(places).toHaveLength(1);
    expect(blocks.filter((block) => within(block, places).length > 0)).toHaveLength(2);
  });

  it("takes any words for what they are", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme-ascii" }), (words) => {
        fc.pre(words.trim() !== "");
        const text = `ab ${words} cd`;
        const block = { kind: "text", isCode: false, language: "", isFirst: true, isOpen: false };
        const whole = [{ ...block, kind: "text" as const, text, from: 0 }];
        expect(placesOf(text, whole, words)[0]?.[0]).toBeLessThanOrEqual(3);
      }),
    );
  });
});
