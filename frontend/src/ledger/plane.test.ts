import { expect, test } from "vitest";
import type { ChartColours } from "@/charts/colours";
import {
  bestWithin,
  canBeLog,
  costWords,
  coursesOf,
  isFree,
  planeOption,
  pointName,
  scoreWords,
  stepsOf,
} from "./plane";
import type { Point } from "./queries";

const point = (run: number, dollars: number, score: number, on_frontier: boolean): Point => ({
  run,
  name: "r1",
  state: "finished",
  stage: null,
  score,
  low: score - 0.1,
  high: score + 0.1,
  device_hours: dollars / 2,
  micros: dollars * 1e6,
  energy_mj: dollars * 3.6e9,
  energy_estimated: true,
  on_frontier,
});
const CHEAP = point(1, 4, 0.4, true);
const BEATEN = point(2, 8, 0.3, false);
const BEST = point(3, 16, 0.6, true);
const FAR = point(4, 32, 0.5, false);
const POINTS = [CHEAP, BEATEN, BEST, FAR];

test("the frontier holds each score until a better one, to the right edge", () => {
  expect(stepsOf(POINTS, "money")).toEqual([
    [4, 0.4],
    [16, 0.6],
    [32, 0.6],
  ]);
  expect(stepsOf([CHEAP], "device_hours")).toEqual([[2, 0.4]]);
  expect(stepsOf([], "energy")).toEqual([]);
});

test("a budget buys the best that costs no more", () => {
  expect(bestWithin(POINTS, "money", 3.99)).toBeNull();
  expect(bestWithin(POINTS, "money", 15.99)).toBe(CHEAP);
  expect(bestWithin(POINTS, "money", 100)).toBe(BEST);
  expect(bestWithin(POINTS, "energy", 16)).toBe(BEST);
});

test("a logarithm needs a cost", () => {
  expect(canBeLog(POINTS, "money")).toBe(true);
  expect(canBeLog([...POINTS, point(5, 0, 0.1, true)], "money")).toBe(false);
  expect(canBeLog([], "money")).toBe(false);
});

test("costs, scores and points are told with their units", () => {
  expect(costWords(4, "money", "EUR")).toBe("€4.00");
  expect(costWords(4.5, "device_hours", "USD")).toBe("4.5 h");
  expect(costWords(0.046, "device_hours", "USD")).toBe("0.046 h");
  expect(costWords(0.002, "device_hours", "USD")).toBe("7s");
  expect(costWords(4.5, "energy", "USD")).toBe("4.5 kWh");
  expect(scoreWords(BEST)).toBe("60.0 % (50.0 % to 70.0 %)");
  expect(scoreWords({ score: 0.5, low: null, high: null })).toBe("50.0 %");
  expect(pointName({ ...CHEAP, stage: "dev1" })).toBe("r1 · #1 · dev1");
});

test("a line joins the stages of a run, not runs", () => {
  const [zero, dev1] = [
    { ...CHEAP, stage: "zero" },
    { ...CHEAP, stage: "dev1" },
  ];
  expect(coursesOf([zero, BEATEN, dev1, { ...BEST, stage: "zero" }])).toEqual([[zero, dev1]]);
});

test("what costs nothing has no place", () => {
  const free = { ...CHEAP, micros: 0 };
  expect(isFree([free], "money")).toBe(true);
  expect(isFree([free], "device_hours")).toBe(false);
  expect(isFree([free, BEST], "money")).toBe(false);
});

test("intervals, the budget and the best are drawn", () => {
  const colours = { series: [] } as unknown as ChartColours;
  const option = planeOption(POINTS, {
    axis: "money",
    currency: "USD",
    metric: "eval/pass_at_1",
    log: true,
    budget: 20,
    best: BEST,
    colours,
    colourOf: () => "red",
  });
  const series = option.series as { id: string; data: { symbolSize: number }[] }[];
  const dataOf = (id: string) => series.find((one) => one.id === id)?.data;
  expect(dataOf("budget")).toEqual([
    [20, BEATEN.low],
    [20, BEST.high],
  ]);
  expect(dataOf("intervals")).toHaveLength(3 * POINTS.length);
  const sizes = dataOf("points")?.map(({ symbolSize }) => symbolSize) ?? [];
  expect(Math.max(...sizes)).toBe(sizes[2]);
  expect((option.xAxis as { type: string }).type).toBe("log");
});
