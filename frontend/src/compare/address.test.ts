import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress, queryOf } from "./address";

const FULL =
  "runs=12,20-24&tab=summary&pin=12&base=20&color=grpo.kl_coef&group=tag&centre=median&band=minmax" +
  "&metrics=reward/mean,kl/mean&newest=25&sort=-reward/mean&axes=grpo.kl_coef,reward/mean" +
  "&across=grpo.kl_coef&up=reward/mean&axis=tokens&smooth=20-gaussian&zoom=120..480&hide=21" +
  "&where=grpo.kl_coef%3A0.001..0.1&where=preset%3Aa%257Cb%7Cc";

describe("the address of a comparison", () => {
  it("comes back as it was read", () => {
    const params = new URLSearchParams(FULL);
    expect(parseAddress(new URLSearchParams(queryOf(parseAddress(params))))).toEqual(
      parseAddress(params),
    );
    expect([...formatAddress(parseAddress(params))].sort()).toEqual([...params].sort());
  });

  it("has ranges and values as conditions", () => {
    expect(parseAddress(new URLSearchParams(FULL)).where).toEqual([
      { field: "grpo.kl_coef", from: 0.001, to: 0.1 },
      { field: "preset", values: ["a|b", "c"] },
    ]);
  });

  it("says nothing of what is as at first", () => {
    expect(queryOf(parseAddress(new URLSearchParams("runs=3,1")))).toBe("runs=3,1");
    expect(queryOf(parseAddress(new URLSearchParams("centre=mode&band=x&newest=no&tab=y")))).toBe(
      "",
    );
  });
});
