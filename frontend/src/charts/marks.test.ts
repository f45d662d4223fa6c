import { describe, expect, it } from "vitest";
import type { Checkpoint, RunDetail } from "@/api/queries";
import { SeriesTable } from "@/live/series";
import { alertRow } from "@/testing/rows";
import { clockOf } from "./clock";
import { marksOf, placed } from "./marks";

const attempt = (number: number, start_step: number, started_at: string | null) =>
  ({ number, start_step, started_at, node: "n1" }) as RunDetail["attempts"][number];

const MARKS = marksOf({
  attempts: [
    attempt(1, 0, "2026-03-01T12:00:00Z"),
    attempt(2, 40, "2026-03-01T13:00:00Z"),
    attempt(3, 60, null),
  ],
  checkpoints: [{ step: 40, created_at: "2026-03-01T12:30:00Z" } as Checkpoint],
  alerts: [alertRow({ step: 84, rule_name: "KL blow-up", message: "kl/mean is above 1." })],
  changes: [{ step: 50, words: "max_new_tokens 64 → 128" }],
  fork: { step: 20, words: "forked from first · #7" },
  stages: [{ step: 30, name: "dev1" }],
});

describe("marks", () => {
  it("tell what happened, in order, and not that the run began", () => {
    expect(MARKS.map(({ step, words }) => [step, words])).toEqual([
      [20, "forked from first · #7"],
      [30, "stage dev1 begins"],
      [40, "attempt 2 goes on from step 40 on n1"],
      [40, "checkpoint of step 40"],
      [50, "max_new_tokens 64 → 128"],
      [60, "attempt 3 goes on from step 60 on n1"],
      [84, "KL blow-up: kl/mean is above 1."],
    ]);
  });

  it("stand at their step, or at their time on the axis of time, within the range", () => {
    const start = new Date("2026-03-01T12:00:00Z").getTime() / 1000;
    const table = new SeriesTable();
    const course = { start, holds: [] };
    const places = (axis: "step" | "time", range: [number, number]) =>
      placed(MARKS, clockOf(table, axis, course), range).map(({ place }) => place);
    expect(places("step", [41, 80])).toEqual([50, 60]);
    expect(places("time", [60, 7200])).toEqual([3600, 1800, 60]);
  });
});
