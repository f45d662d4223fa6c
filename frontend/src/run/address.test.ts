import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, parseAddress, SMOOTHINGS, TABS } from "./address";

const addresses = fc.record({
  tab: fc.constantFrom(...TABS.map(({ key }) => key)),
  step: fc.option(fc.nat({ max: 999_999_999 })),
  axis: fc.constantFrom("step" as const, "time" as const),
  smoothing: fc.constantFrom(...SMOOTHINGS),
});

describe("the address of the run page", () => {
  it("keeps everything that it holds", () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });

  it("is empty at the start, and forgives what it does not know", () => {
    expect(formatAddress(parseAddress(new URLSearchParams())).toString()).toBe("");
    const odd = new URLSearchParams("tab=secrets&step=-4&axis=depth&smooth=7");
    expect(formatAddress(parseAddress(odd)).toString()).toBe("");
  });
});
