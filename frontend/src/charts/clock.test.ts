import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SeriesSnapshot, SeriesTable } from "@/live/series";
import { AXES, type Course, clockOf, type Hold, wholeRange } from "./clock";

const STARTED = 1000;

function hold(from: number, to: number | null, devices = 1, usdPerHour = 0): Hold {
  return { from, to, devices, usdPerHour };
}

/** Two attempts of an hour, the second on 8 devices at $ 24 an hour, two hours of waiting between. */
const COURSE: Course = {
  start: STARTED,
  holds: [hold(STARTED, STARTED + 3600, 1, 2), hold(STARTED + 10800, null, 8, 24)],
};

function tableOf(steps: number[], times: number[], tokens: number[]): SeriesTable {
  const series = (name: string, values: number[]): SeriesSnapshot => ({
    name,
    steps,
    times,
    values,
  });
  return SeriesTable.from([series("reward/mean", steps), series("tokens/total", tokens)]);
}

const TABLE = tableOf([1, 2, 3], [1036, 4600, 12700], [100, 300, 1000]);
const clock = (axis: (typeof AXES)[number], table = TABLE) => clockOf(table, axis, COURSE);

describe("the horizontal axis", () => {
  it("places a step by its number, its tokens, its time, its device-hours and its cost", () => {
    const points = TABLE.get("reward/mean");
    const places = (axis: (typeof AXES)[number]) => points && [...clock(axis).placesOf(points)];
    expect(places("step")).toEqual([1, 2, 3]);
    expect(places("tokens")).toEqual([100, 300, 1000]);
    expect(places("time")).toEqual([36, 3600, 11700]);
    // 0.25 hours into the second attempt
    expect(places("hours")).toEqual([0.01, 1, 1 + 8 * 0.25]);
    expect(places("cost")).toEqual([0.02, 2, 2 + 24 * 0.25]);
  });

  it("places what a bucket counts at its last step, where a count is greatest", () => {
    const tokens = { name: "tokens/total", steps: [64], times: [0], values: [3200], max: [6400] };
    const table = SeriesTable.from([{ ...tokens, min: [100], total: 64 }]);
    expect(clock("tokens", table).placeOf(64)).toBe(6400);
    expect(clock("tokens", table).placeOf(32)).toBe(3200);
  });

  it("places what happened at a time where that time is, not where its step is", () => {
    expect(clock("time").placeOf(2, STARTED + 10800)).toBe(10800);
    expect(clock("hours").placeOf(2, STARTED + 10800)).toBe(1);
    expect(clock("step").placeOf(2, STARTED + 10800)).toBe(2);
  });

  it("finds the step of a place again, on every axis", () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        gaps,
        fc.constantFrom(...AXES),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rows, axis, at) => {
          let [step, time, tokens] = [0, STARTED, 0];
          const [steps, times, counts]: [number[], number[], number[]] = [[], [], []];
          for (const [gap, more] of rows) {
            [step, time, tokens] = [step + gap, time + gap, tokens + more];
            steps.push(step);
            times.push(time);
            counts.push(tokens);
          }
          // Devices are held all the time here: else many times would be one place.
          const course = { start: STARTED, holds: [hold(STARTED, null, 3, 7)] };
          const found = clockOf(tableOf(steps, times, counts), axis, course);
          const wanted = at * step;
          expect(found.stepAt(found.placeOf(wanted))).toBeCloseTo(wanted, 6);
        },
      ),
    );
  });

  it("stands still while a clock that was set back catches up", () => {
    const table = tableOf([1, 2, 3], [1010, 1005, 1020], [1, 2, 3]);
    const points = table.get("reward/mean");
    expect(points && [...clock("time", table).placesOf(points)]).toEqual([10, 10, 20]);
  });

  it("spans the whole run, and a little room before it has begun", () => {
    expect(wholeRange(TABLE, clock("step"), 300)).toEqual([0, 300]);
    expect(wholeRange(TABLE, clock("tokens"), 3)).toEqual([0, 1000]);
    expect(wholeRange(TABLE, clock("time"), 3)).toEqual([0, 11700]);
    expect(wholeRange(TABLE, clock("cost"), 3)).toEqual([0, 8]);
    const none = new SeriesTable();
    expect(wholeRange(none, clock("time", none), 0)).toEqual([0, 10]);
    expect(wholeRange(none, clock("step", none), 0)).toEqual([0, 10]);
    const old = { steps: [40], times: [STARTED + 99], values: [0] };
    const overtaken = SeriesTable.from([
      { name: "reward/mean", steps: [1], times: [1001], values: [1], superseded: [old] },
    ]);
    expect(wholeRange(overtaken, clock("step", overtaken), 12)).toEqual([0, 40]);
    expect(wholeRange(overtaken, clock("time", overtaken), 12)).toEqual([0, 99]);
  });
});
