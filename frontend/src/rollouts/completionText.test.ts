import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partsOf, piecesOf } from "./completionText";

const short = (completion: string) => partsOf(completion).map((part) => [part.kind, part.text]);

describe("partsOf", () => {
  it("sets reasoning and answer apart", () => {
    expect(short("<think>7+8=15, carry 1</think> <answer>85</answer>")).toEqual([
      ["think", "7+8=15, carry 1"],
      ["answer", "85"],
    ]);
  });

  it("keeps what stands around and between", () => {
    expect(short("well <think>a</think> so <answer>b</answer> done")).toEqual([
      ["text", "well "],
      ["think", "a"],
      ["text", " so "],
      ["answer", "b"],
      ["text", " done"],
    ]);
  });

  it("says when a part was cut off", () => {
    expect(partsOf("<think>7+8=1")).toEqual([
      { kind: "think", text: "7+8=1", from: 7, closed: false },
    ]);
  });

  it("takes a text without any tag as it is", () => {
    expect(short("85")).toEqual([["text", "85"]]);
    expect(short("</think>85")).toEqual([["text", "</think>85"]]);
    expect(short("")).toEqual([]);
  });

  it("loses no word of any completion", () => {
    const word = fc.constantFrom("<think>", "</think>", "<answer>", "</answer>", "7+8", " ", "x<y");
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), (words) => {
        const kept = partsOf(words.join(""))
          .map((part) => part.text)
          .join("");
        for (const part of partsOf(words.join("")))
          expect(words.join("").startsWith(part.text, part.from)).toBe(true);
        const bare = (text: string) => text.replaceAll(/<\/?(think|answer)>|\s/g, "");
        expect(bare(kept)).toBe(bare(words.join("")));
      }),
    );
  });
});

describe("piecesOf", () => {
  const formulas = (text: string) =>
    piecesOf(text)
      .filter((piece) => piece.kind === "math")
      .map((piece) => piece.text);

  it.each([
    ["so $x^2 = 4$ holds", ["x^2 = 4"]],
    ["\\(a+b\\) and \\[c\\]", ["a+b", "c"]],
    ["$$\\frac{1}{2}$$", ["\\frac{1}{2}"]],
    ["the answer is \\boxed{\\frac{1}{2}}", ["\\boxed{\\frac{1}{2}}"]],
    ["$\\boxed{3}$", ["\\boxed{3}"]],
    ["it costs $5 and then $6", []],
    ["$ 5 and 6 $", []],
    ["no formula", []],
  ])("finds the formulas of %j", (text, expected) => expect(formulas(text)).toEqual(expected));

  it("keeps the text between", () => {
    expect(piecesOf("a $x$ b")).toEqual([
      { kind: "text", text: "a ", display: false, from: 0, whole: 2 },
      { kind: "math", text: "x", display: false, from: 2, whole: 3 },
      { kind: "text", text: " b", display: false, from: 5, whole: 2 },
    ]);
  });
});
