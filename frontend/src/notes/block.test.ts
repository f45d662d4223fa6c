import { describe, expect, it } from "vitest";
import { blockOfLink, parseBlock } from "./block";

const ORIGIN = "https://r1web.example.org";

describe("a block of a note", () => {
  it("names runs and series", () => {
    const block = parseBlock("runs=12,15-17\nseries = kl/mean, \ngroup=tag\nnonsense\n");
    expect(block?.address.runs).toEqual([12, 15, 16, 17]);
    expect(block?.address.group).toBe("tag");
    expect(block?.series).toEqual(["kl/mean"]);
  });

  it("has first series, and is none without runs", () => {
    expect(parseBlock("runs=3")?.series).toEqual(["reward/mean", "eval/pass_at_1"]);
    expect(parseBlock("series=reward/mean")).toBeNull();
    expect(parseBlock("")).toBeNull();
  });

  it("comes from a link that is pasted", () => {
    expect(
      blockOfLink(`${ORIGIN}/compare?runs=1-3&group=tag&where=grpo.kl_coef%3A0..1`, ORIGIN),
    ).toBe("```compare\nruns=1-3\ngroup=tag\nwhere=grpo.kl_coef:0..1\n```\n");
    expect(blockOfLink("/runs/12?tab=logs", ORIGIN)).toBe(
      "```chart\nruns=12\nseries=reward/mean\n```\n",
    );
  });

  it.each([
    "hello",
    "https://elsewhere.example.org/compare?runs=1",
    `${ORIGIN}/compare`,
    `see ${ORIGIN}/runs/12`,
    `${ORIGIN}/runs/new`,
    "compare?runs=1",
  ])("is not made of %s", (text) => {
    expect(blockOfLink(text, ORIGIN)).toBeNull();
  });
});
