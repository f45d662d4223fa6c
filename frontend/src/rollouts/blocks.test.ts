import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, blocksOf } from "./blocks";

const short = (completion: string) =>
  blocksOf(completion).map(({ kind, isCode, text }) => [kind, isCode ? "code" : "prose", text]);

describe("blocksOf", () => {
  it("sets prose and fenced code apart", () => {
    const text = "<think>try\n```python\nprint(1 + 1)\n```\nit works</think><answer>2</answer>";
    expect(short(text)).toEqual([
      ["think", "prose", "try\n"],
      ["think", "code", "print(1 + 1)\n"],
      ["think", "prose", "it works"],
      ["answer", "prose", "2"],
    ]);
    expect(blocksOf(text)[1]?.language).toBe("python");
  });

  it("takes a fence that is never closed as code to the end", () => {
    expect(short("so:\n```\nx = 1\ny")).toEqual([
      ["text", "prose", "so:\n"],
      ["text", "code", "x = 1\ny"],
    ]);
  });

  it("names a part once, and says where one is not closed", () => {
    const blocks = blocksOf(`<think>${"word ".repeat(1000)}`);
    expect(blocks.length).toBeGreaterThan(3);
    expect(blocks.map(({ isFirst }) => isFirst)).toEqual(blocks.map((_, index) => index === 0));
    expect(blocks.map(({ isOpen }) => isOpen)).toEqual(
      blocks.map((_, index) => index === blocks.length - 1),
    );
  });

  it("shows an empty part", () => {
    expect(short("<think></think><answer>1</answer>")[0]).toEqual(["think", "prose", ""]);
  });

  it("never cuts a formula", () => {
    const formula = `\\(${"x + ".repeat(60)}y\\)`;
    const text = `so ${formula} and `.repeat(40);
    for (const block of blocksOf(text)) {
      expect(block.text.split("\\(").length).toBe(block.text.split("\\)").length);
    }
  });

  it("keeps every block short, whole characters, and in its place", () => {
    const word = fc.constantFrom(
      "<think>", "</think>", "<answer>", "```\n", "\n```py\n", "\n\n", " ", "$x^2$", "\\[", "\\]",
      "🙂".repeat(900), "漢字。".repeat(500), "word ".repeat(400), "\n", "x",
    ); // biome-ignore format: a list to read
    fc.assert(
      fc.property(fc.array(word, { maxLength: 25 }), (words) => {
        const text = words.join("");
        let end = 0;
        for (const block of blocksOf(text)) {
          expect(text.startsWith(block.text, block.from)).toBe(true);
          expect(block.from).toBeGreaterThanOrEqual(end);
          expect(block.text.length).toBeLessThan(3300);
          expect(halves(block)).toBe(false);
          end = block.from + block.text.length;
        }
      }),
    );
  });

  it("takes a text full of what is never closed in a moment", { timeout: 20_000 }, () => {
    for (const piece of ["\\[ x ", "\\boxed{", "$x ", "```\n", "<think>"]) {
      const text = piece.repeat(Math.ceil(240_000 / piece.length));
      const blocks = blocksOf(text);
      expect(blocks.length).toBeGreaterThan(0);
    }
  });
});

/** Whether it begins or ends with half of a character. */
function halves({ text }: Block): boolean {
  return /^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/.test(text);
}
