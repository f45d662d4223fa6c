import { expect, test } from "vitest";
import { runRow } from "@/testing/rows";
import { changesMembership, type RunPages, withRows } from "./liveRows";

const pages = (...rows: ReturnType<typeof runRow>[]): RunPages => ({
  pages: [{ items: rows, next_cursor: null }],
  pageParams: [null],
});

test("a changed row takes its place, the others stay", () => {
  const other = runRow({ id: 1 });
  const list = pages(runRow({ id: 2, step: 3, last_seq: 10 }), other);
  const after = withRows(list, [runRow({ id: 2, step: 4, last_seq: 11 })]);
  expect(after.pages[0]?.items.map((row) => row.step)).toEqual([4, other.step]);
  expect(after.pages[0]?.items[1]).toBe(other);
});

test("a row that was overtaken by a newer answer is not taken", () => {
  const list = pages(runRow({ id: 2, step: 9, last_seq: 20 }));
  const after = withRows(list, [runRow({ id: 2, step: 4, last_seq: 11 })]);
  expect(after.pages[0]?.items[0]?.step).toBe(9);
});

test("a list without the changed rows is the very same", () => {
  const list = pages(runRow({ id: 2 }));
  expect(withRows(list, [runRow({ id: 7 })])).toBe(list);
});

test("new runs and new states may change who is in the list; progress may not", () => {
  const list = pages(runRow({ id: 2, state: "running" }));
  expect(changesMembership(list, [runRow({ id: 3 })])).toBe(true);
  expect(changesMembership(list, [runRow({ id: 2, state: "finished" })])).toBe(true);
  expect(changesMembership(list, [runRow({ id: 2, state: "running", step: 50 })])).toBe(false);
});
