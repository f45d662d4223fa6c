import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SeriesSnapshot, SeriesTable } from "@/live/series";
import type { ChartSpec } from "./catalogue";
import { clockOf } from "./clock";
import { extentOf } from "./extent";
import { plotData } from "./plotData";
import { svgOf } from "./render";
import { type Picture, sceneOf, ticksOf } from "./scene";

const SPEC: ChartSpec = {
  id: "kl",
  title: "KL <to> reference",
  help: "",
  lines: [
    { series: "a", label: "a & b", colour: 1 },
    { series: "b", label: "b", colour: 2 },
  ],
  range: [0, null],
  format: (value) => value.toFixed(2),
};

const COLOURS = {
  text: "rgb(1, 1, 1)",
  faint: "rgb(2, 2, 2)",
  grid: "rgb(3, 3, 3)",
  surface: "rgb(255, 255, 255)",
  accent: "rgb(4, 4, 4)",
  alert: "rgb(5, 5, 5)",
  series: ["", "rgb(10, 0, 0)", "rgb(20, 0, 0)"],
};

function picture(values: SeriesSnapshot["values"], changes: Partial<Picture> = {}): Picture {
  const steps = values.map((_, index) => index + 1);
  const table = SeriesTable.from([{ name: "a", steps, times: steps, values }]);
  const clock = clockOf(table, "step", { start: 0, holds: [] });
  const smoothing = { kind: "ema", span: 0 } as const;
  const data = plotData((name) => table.get(name), SPEC, {
    clock,
    logX: false,
    logY: changes.log ?? false,
    smoothing,
    hidden: [],
  });
  const range: [number, number] = [1, values.length];
  return {
    spec: SPEC,
    data,
    range,
    clock,
    extent: extentOf(data, range, false),
    marks: [],
    log: false,
    logX: false,
    words: "steady",
    colours: COLOURS,
    ...changes,
  };
}

/** The drawing as a browser reads it. */
function svg(one: Picture): Document {
  const document = new DOMParser().parseFromString(svgOf(sceneOf(one)), "image/svg+xml");
  expect(document.querySelector("parsererror")).toBeNull();
  return document;
}

const texts = (document: Document) =>
  [...document.querySelectorAll("text")].map((t) => t.textContent);
const lineOf = (document: Document) =>
  document
    .querySelector(`path[stroke="${COLOURS.series[1]}"][stroke-width="1.75"]`)
    ?.getAttribute("d");

describe("a chart as an SVG file", () => {
  it("has its title, its words, its newest value, and is well-formed whatever it is called", () => {
    const said = texts(svg(picture([0, 1, 0.5])));
    expect(said).toEqual(expect.arrayContaining(["KL <to> reference", "steady", "a & b", "0.50"]));
  });

  it("draws every point where it is: left to right, higher for a greater value", () => {
    const line = lineOf(svg(picture([0, 1, 0.5]))) ?? "";
    const points = line
      .slice(1)
      .split("L")
      .map((pair) => pair.split(" ").map(Number));
    const [xs, ys] = [points.map(([x]) => x as number), points.map(([, y]) => y as number)];
    expect(xs).toEqual(xs.toSorted((a, b) => a - b));
    expect((xs[1] as number) - (xs[0] as number)).toBeCloseTo(
      (xs[2] as number) - (xs[1] as number),
      1,
    );
    expect((ys[0] as number) - (ys[2] as number)).toBeCloseTo(
      (ys[2] as number) - (ys[1] as number),
      1,
    );
    expect(ys[1]).toBeLessThan(ys[0] as number);
  });

  it("parts the line at NaN and says that it is there", () => {
    const document = svg(picture([0, "NaN", 1, "Infinity"]));
    expect(lineOf(document)?.match(/M/g)).toHaveLength(2);
    expect(texts(document)).toEqual(expect.arrayContaining(["×", "∞"]));
  });

  it("stays within its box, whatever the values", () => {
    const values = fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), {
      minLength: 2,
      maxLength: 9,
    });
    fc.assert(
      fc.property(values, fc.boolean(), (some, log) => {
        const { width, height, shapes } = sceneOf(picture(some, { log }));
        const points = shapes.flatMap((one) => (one.shape === "path" ? one.points.flat() : []));
        for (const [x, y] of points) {
          expect(x).toBeGreaterThanOrEqual(0);
          expect(x).toBeLessThanOrEqual(width);
          expect(y).toBeGreaterThanOrEqual(0);
          expect(y).toBeLessThanOrEqual(height);
        }
      }),
    );
  });
});

describe("ticksOf", () => {
  it("are round, few, and within the ends", () => {
    const end = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(end, fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (from, length) => {
        const ticks = ticksOf([from, from + length], false, undefined, 6);
        expect(ticks.length).toBeGreaterThan(0);
        expect(ticks.length).toBeLessThanOrEqual(8);
        for (const tick of ticks) {
          expect(tick).toBeGreaterThanOrEqual(from - length * 1e-6);
          expect(tick).toBeLessThanOrEqual(from + length * (1 + 1e-6));
        }
      }),
    );
    expect(ticksOf([0, 60], false, [1, 15, 30], 4)).toEqual([0, 15, 30, 45, 60]);
    expect(ticksOf([0.05, 20], true, undefined, 6)).toEqual([0.1, 1, 10]);
  });
});
