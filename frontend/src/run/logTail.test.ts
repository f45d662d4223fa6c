import { describe, expect, it } from "vitest";
import { appended, EMPTY_LOG, KEPT_CHARACTERS } from "./logTail";

const piece = (text: string, offset: number, size = offset + text.length) => ({
  text,
  offset,
  next_offset: offset + text.length,
  size,
});

describe("appended", () => {
  it("puts pieces together in order", () => {
    const log = appended(appended(EMPTY_LOG, piece("one\n", 0)), piece("two\n", 4));
    expect(log).toEqual({ text: "one\ntwo\n", next: 8, size: 8, cut: false });
  });

  it("says that the beginning is missing when it starts later", () => {
    expect(appended(EMPTY_LOG, piece("end\n", 900)).cut).toBe(true);
  });

  it("drops the oldest whole lines", () => {
    const line = `${"x".repeat(99)}\n`;
    const log = appended(EMPTY_LOG, piece(line.repeat(KEPT_CHARACTERS / 100 + 50), 0));
    expect(log.cut).toBe(true);
    expect(log.text.length).toBeLessThanOrEqual(KEPT_CHARACTERS);
    expect(log.text.startsWith(line)).toBe(true);
  });

  it("starts over when the file did", () => {
    const log = appended(appended(EMPTY_LOG, piece("old old\n", 0)), piece("new\n", 0));
    expect(log.text).toBe("new\n");
  });
});
