import { describe, expect, test } from "vitest";
import {
  formatAge,
  formatBytes,
  formatCompact,
  formatCost,
  formatDeviceHours,
  formatDuration,
  formatFixed,
  formatMoney,
  formatNumber,
  formatPercent,
  plural,
} from "./format";

describe("numbers", () => {
  test.each([
    [0.61549, "0.615"],
    [12345.6, "12,345.6"],
    [-0.5, "−0.5"],
    [0.0003, "3e−4"],
    [2.5e20, "2.5e20"],
    [2147483648, "2,147,483,648"],
    [0, "0"],
    [null, "–"],
    [Number.NaN, "–"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("%s reads %s", (value, text) => expect(formatNumber(value)).toBe(text));

  test("fixed decimals stand under each other", () => {
    expect([0.5, 1, -0.25].map((value) => formatFixed(value, 2))).toEqual([
      "0.50",
      "1.00",
      "−0.25",
    ]);
  });

  test.each([
    [999, "999"],
    [9999, "9999"],
    [12345, "12.3 k"],
    [1_000_000, "1 M"],
    [3.8e9, "3.8 G"],
    [7.25, "7.25"],
  ])("%s compactly reads %s", (value, text) => expect(formatCompact(value)).toBe(text));

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.5 KiB"],
    [8 * 1024 ** 3, "8 GiB"],
  ])("%s bytes read %s", (value, text) => expect(formatBytes(value)).toBe(text));

  test("shares, money and counts", () => {
    expect(formatPercent(0.615)).toBe("61.5 %");
    expect(formatPercent(null)).toBe("–");
    expect([0, 0.004, 12.345].map(formatCost)).toEqual(["$0.00", "<$0.01", "$12.35"]);
    expect(formatMoney(1234.5, "EUR")).toBe("€1,234.50");
    expect(formatMoney(null, "EUR")).toBe("–");
    expect([0, 0.0007, 0.028, 1204.5].map(formatDeviceHours)).toEqual([
      "0",
      "<0.01",
      "0.03",
      "1,204.5",
    ]);
    expect([plural(1, "step"), plural(1200, "step")]).toEqual(["1 step", "1,200 steps"]);
  });
});

describe("times", () => {
  test.each([
    [0.4, "0s"],
    [59.6, "1m 00s"],
    [130, "2m 10s"],
    [3 * 3600 + 5 * 60, "3h 05m"],
    [2 * 86400 + 4 * 3600, "2d 04h"],
    [null, "–"],
  ])("%s seconds last %s", (value, text) => expect(formatDuration(value)).toBe(text));

  const now = new Date("2026-03-01T12:00:00Z");
  test.each([
    [2, "just now"],
    [42, "42s ago"],
    [3599, "59m ago"],
    [-300, "in 5m"],
    [40 * 86400, "Jan 20, 2026"],
  ])("%s seconds back is %s", (seconds, text) => {
    expect(formatAge(new Date(now.getTime() - seconds * 1000), now)).toBe(text);
  });
});
