import { expect, test } from "vitest";
import { columnsThatFit } from "./fit";

const FIELDS = [
  ["state", 88],
  ["name", 160],
  ["preset", 104],
  ["last_step", 104],
  ["reward", 116],
  ["pass_at_1", 60],
  ["tokens_per_s", 64],
  ["duration_s", 64],
  ["cost_usd", 56],
  ["owner", 72],
  ["created_at", 68],
] as const;
const columns = (...metrics: string[]) => [
  ...FIELDS.map(([id, width]) => ({ id, width })),
  ...metrics.map((id) => ({ id, width: 96 })),
];
const fitting = (room: number, ...metrics: string[]) =>
  columnsThatFit(columns(...metrics), room).map(({ id }) => id);

test("all of them where there is room", () => {
  expect(fitting(1_600, "kl/mean")).toHaveLength(FIELDS.length + 1);
});

test("chosen metrics stay longer than what a list can do without", () => {
  const some = fitting(1_100, "kl/mean", "entropy/mean");
  expect(some).toContain("entropy/mean");
  expect(some).not.toContain("owner");
});

test("what says which run it is, and how it does, stays in any room", () => {
  expect(fitting(300, "kl/mean")).toEqual(["state", "name", "last_step", "reward", "pass_at_1"]);
});

test("what is kept fits, or nothing more can go", () => {
  for (let room = 200; room < 1_800; room += 25) {
    const kept = columnsThatFit(columns("a/b", "c/d", "e/f"), room);
    const width = kept.reduce((sum, column) => sum + column.width + 12, 96);
    expect(width <= room || kept.length === 5).toBe(true);
  }
});
