import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AXES } from "@/charts/clock";
import { SMOOTHING_KINDS } from "@/charts/smoothing";
import { MODES, ORDERS, PICKS, PROMPT_ORDERS, VIEWS } from "@/rollouts/address";
import { TINTS } from "@/rollouts/tokens";
import { type Address, formatAddress, parseAddress, TABS } from "./address";

const names = fc.uniqueArray(fc.constantFrom("reward/mean", "kl/mean", "eval/pass_at_1", "time"));
const thousandth = fc.integer({ min: -999_999, max: 999_999_999 }).map((value) => value / 1000);

const fields = fc.constantFrom("reward", "-step", "rewards.format", "-rewards.judge-depth");
const reader = {
  view: fc.constantFrom(...VIEWS.map(({ key }) => key)),
  order: fc.constantFrom(...ORDERS.map(({ value }) => value)),
  alike: fc.boolean(),
  pick: fc.constantFrom(...PICKS.map(({ value }) => value)),
  beside: fc.option(fc.nat({ max: 999_999 })),
  tint: fc.constantFrom(...TINTS.map(({ value }) => value)),
  where: fc.array(fc.string({ minLength: 1 }), { maxLength: 20 }),
  starred: fc.boolean(),
  q: fc.string(),
  mode: fc.constantFrom(...MODES.map(({ value }) => value)),
  sort: fields,
  histogram: fields,
  words: fc.string(),
  prompts: fc.constantFrom(...PROMPT_ORDERS),
};
const opened = fc.constantFrom(
  { group: null, completion: null },
  { group: 412, completion: null },
  { group: 412, completion: 0 },
);

const views = fc.record({
  tab: fc.constantFrom(...TABS.map(({ key }) => key)),
  step: fc.option(fc.nat({ max: 999_999_999 })),
  axis: fc.constantFrom(...AXES),
  logX: fc.boolean(),
  smoothing: fc.record({
    kind: fc.constantFrom(...SMOOTHING_KINDS),
    span: fc.nat({ max: 100_000 }),
  }),
  zoom: fc.option(fc.tuple(thousandth, thousandth).filter(([from, to]) => from < to)),
  robust: fc.boolean(),
  hidden: names,
  log: names,
  tables: names,
  more: fc.boolean(),
  ...reader,
});
const addresses: fc.Arbitrary<Address> = fc
  .tuple(views, opened)
  .map(([view, place]) => ({ ...view, ...place }));

describe("the address of the run page", () => {
  it("keeps everything that it holds, through a link and back", () => {
    fc.assert(
      fc.property(addresses, (address) => {
        const link = new URL(`http://host/runs/1?${formatAddress(address)}`);
        expect(parseAddress(link.searchParams)).toEqual(address);
      }),
    );
  });

  it("is empty at the start, and forgives what it does not know", () => {
    expect(formatAddress(parseAddress(new URLSearchParams())).toString()).toBe("");
    const odd = new URLSearchParams(
      "tab=secrets&step=-4&axis=depth&smooth=7e9&zoom=9..3&x=linear&outliers=keep&hide=,&more=yes&view=x&group=a&completion=3&order=best&mode=sql&sort=a;b&where=",
    );
    expect(formatAddress(parseAddress(odd)).toString()).toBe("");
  });

  it("keeps links from before there were kinds of smoothing", () => {
    expect(parseAddress(new URLSearchParams("smooth=20")).smoothing).toEqual({
      kind: "ema",
      span: 20,
    });
  });
});
