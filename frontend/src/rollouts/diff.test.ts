import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference, markedPieces, type Range } from "./diff";

const cut = (text: string, ranges: readonly Range[]) =>
  markedPieces(text, 0, ranges)
    .filter(({ isMarked }) => !isMarked)
    .map((piece) => piece.text)
    .join("");
const marked = (text: string, ranges: readonly Range[]) =>
  ranges.map(([from, to]) => text.slice(from, to));

describe("difference", () => {
  it("names the words that changed", () => {
    const [before, after] = ["7 + 8 = 14, so 84", "7 + 8 = 15, carry 1, so 85"];
    const found = difference(before, after);
    expect(marked(before, found?.removed ?? [])).toEqual(["14", "84"]);
    expect(marked(after, found?.added ?? [])).toEqual(["15", "carry 1, ", "85"]);
  });

  it("is nothing between equal texts, and all of what stands alone", () => {
    expect(difference("a b", "a b")).toEqual({ removed: [], added: [] });
    expect(difference("", "a b")).toEqual({ removed: [], added: [[0, 3]] });
  });

  it("goes letter by letter where words have no spaces", () => {
    const found = difference("等于十二", "等于十三");
    expect(found).toEqual({ removed: [[3, 4]], added: [[3, 4]] });
  });

  it("leaves the same text on both sides, with as few changes as there can be", () => {
    const words = fc.array(fc.constantFrom("a", "b", " ", "漢", "🙂", "+"), { maxLength: 12 });
    fc.assert(
      fc.property(words, words, (one, other) => {
        const [before, after] = [one.join("-"), other.join("-")];
        const found = difference(before, after);
        expect(found).not.toBeNull();
        expect(cut(before, found?.removed ?? [])).toBe(cut(after, found?.added ?? []));
        expect(split(cut(before, found?.removed ?? [])).length).toBe(common(before, after));
      }),
    );
  });

  it("gives up on texts that have nothing in common, and not on long ones that have", () => {
    const numbers = (from: number) =>
      Array.from({ length: 3000 }, (_, index) => `n${index + from}`).join("-");
    expect(difference(numbers(0), numbers(50_000).replaceAll("-", "+"))).toBeNull();
    const long = "so we add the tens and carry one. ".repeat(8000);
    const found = difference(long, `${long.slice(0, 140_000)} wait, no: ${long.slice(140_000)}`);
    expect(found?.removed).toEqual([]);
    expect(found?.added.length).toBeLessThan(4);
  });
});

/** Each sign is a word of its own here. */
const split = (text: string) => Array.from(text);

/** Words of the longest text that both have: the table that all books show. */
function common(before: string, after: string): number {
  const [a, b] = [split(before), split(after)];
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    b.forEach((other, index) => {
      const same = word === other ? (row[index] as number) + 1 : 0;
      next.push(Math.max(same, row[index + 1] as number, next[index] as number));
    });
    row = next;
  }
  return row[b.length] as number;
}

describe("markedPieces", () => {
  it("cuts a piece of the text where ranges begin and end", () => {
    const ranges: Range[] = [
      [0, 3],
      [6, 20],
    ];
    expect(markedPieces("cdefgh", 2, ranges)).toEqual([
      { text: "c", isMarked: true },
      { text: "def", isMarked: false },
      { text: "gh", isMarked: true },
    ]);
  });
});
