import { describe, expect, it } from "vitest";
import { type SeriesSnapshot, seriesOf } from "@/live/series";
import type { ChartSpec } from "./catalogue";
import { shownOf, withTail } from "./detail";

const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

function series(steps: number[], total = steps.length): SeriesSnapshot {
  return { name: "a", steps, times: steps, values: steps.map((step) => step / 10), total };
}

const SPEC = { lines: [{ series: "a", label: "a", colour: 1 }] } as ChartSpec;
const shown = (one: SeriesSnapshot, zoom: [number, number] | null) =>
  shownOf(SPEC, () => seriesOf(one), zoom);

describe("a closer look", () => {
  it("goes on with what came in live since it was fetched, each point once", () => {
    const joined = withTail(seriesOf(series(range(50, 80))), seriesOf(series(range(1, 95))), 90);
    expect([...(joined?.steps.view() ?? [])]).toEqual(range(50, 90));
    expect([...(joined?.values.view() ?? [])]).toEqual(range(50, 90).map((step) => step / 10));
    expect(joined?.total).toBe(41);
  });

  it("is what was fetched where nothing came in since, or nothing is known", () => {
    const fetched = seriesOf(series(range(50, 80)));
    expect(withTail(fetched, seriesOf(series(range(1, 80))), 90)).toBe(fetched);
    expect(withTail(fetched, undefined, 90)).toBe(fetched);
    expect(withTail(undefined, fetched, 90)).toBe(fetched);
  });
});

describe("n of m points", () => {
  it("counts buckets against the points that they stand for", () => {
    expect(shown(series(range(1, 100), 6400), null)).toEqual({ shown: 100, total: 6400 });
  });

  it("counts the steps of a zoom, ends included, as the server does", () => {
    expect(shown(series(range(1, 100)), [10.5, 19.2])).toEqual({ shown: 11, total: 11 });
    expect(shown(series(range(10, 20)), [10, 20])).toEqual({ shown: 11, total: 11 });
  });

  it("counts nothing where there is nothing", () => {
    expect(shownOf(SPEC, () => undefined, null)).toEqual({ shown: 0, total: 0 });
  });
});
