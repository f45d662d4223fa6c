import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blocksOf } from "./blocks";
import { LEVELS, levelOf, piecesOfBlock, placedTokens, wordsOfToken } from "./tokens";

const tokensOf = (text: string, lengths: readonly number[]) => {
  const offsets = [0];
  for (const length of lengths) offsets.push((offsets.at(-1) as number) + length);
  const count = lengths.length;
  return {
    completion_id: "1-0",
    offsets,
    logprobs: Array.from({ length: count }, (_, index) => -index / 4),
    entropies: null,
    differences: Array.from({ length: count }, () => 0.0625),
    text,
  };
};

describe("levels", () => {
  it("grow with surprise and stop at the end of the scale", () => {
    expect(levelOf("logprobs", 0)).toBe(0);
    expect(levelOf("logprobs", -2.5)).toBe(LEVELS / 2);
    expect(levelOf("logprobs", -40)).toBe(LEVELS);
    expect(levelOf("logprobs", null)).toBe(0);
    expect(levelOf("entropies", 3)).toBe(LEVELS);
  });

  it("have a sign where the number has one", () => {
    expect(levelOf("differences", -0.5)).toBe(-LEVELS);
    expect(levelOf("differences", 0.25)).toBe(LEVELS / 2);
    expect(levelOf("advantage", -1)).toBe(-LEVELS / 2);
    expect(levelOf("entropies", -1)).toBe(0);
  });
});

describe("tokens", () => {
  it("together are the text of their block, whatever characters it has", () => {
    const letters = fc.constantFrom("a", " ", "\n", "漢", "🙂", "é", "<think>", "</think>", "ن");
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 80 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 200, maxLength: 200 }),
        (parts, sizes) => {
          const text = parts.join("");
          let left = Array.from(text).length;
          const lengths = sizes.flatMap((size) => {
            const length = Math.min(size, left);
            left -= length;
            return [length];
          });
          if (left > 0) lengths.push(left);
          const placed = placedTokens(text, tokensOf(text, lengths));
          for (const block of blocksOf(text)) {
            const pieces = piecesOfBlock(block, placed);
            expect(pieces.map((piece) => piece.text).join("")).toBe(block.text);
          }
        },
      ),
    );
  });

  it("are told in words, with what is known of them", () => {
    const placed = placedTokens("ab", tokensOf("ab", [1, 1]));
    expect(wordsOfToken(placed, 1)).toBe("log-probability −0.25, trainer − sampler 0.0625 nats");
  });
});
