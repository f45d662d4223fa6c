import { expect, test } from "vitest";
import { byDevice, inForce } from "./prices";
import type { Entry, Price } from "./queries";
import { byStage, firstDay, formatCo2, formatEnergy, moneyWords, wasteOf } from "./sums";

const entry = (stage: string, phase: Entry["phase"], device_ms: number, more = {}): Entry => ({
  stage,
  phase,
  device_ms,
  device_model: "NVIDIA H800",
  device_hours: device_ms / 3.6e6,
  currency: "USD",
  micros: device_ms,
  energy_mj: 0,
  energy_estimated: false,
  co2_g: 0,
  ...more,
});

test("energy and CO₂ have the unit that suits their size", () => {
  expect(formatEnergy(0)).toBe("0 Wh");
  expect(formatEnergy(1000)).toBe("<0.1 Wh");
  expect(formatEnergy(3.6e6 * 12_500)).toBe("12.5 kWh");
  expect(formatCo2(999)).toBe("999 g");
  expect(formatCo2(12_500)).toBe("12.5 kg");
});

test("phases add up by stage, over devices and currencies", () => {
  const entries = [
    entry("cold", "training", 100),
    entry("grpo", "sampling", 30),
    entry("grpo", "training", 10),
    entry("grpo", "sampling", 5, { currency: "EUR" }),
  ];
  expect(byStage(entries)).toEqual([
    { stage: "cold", device_ms: 100, phases: [{ phase: "training", device_ms: 100 }] },
    {
      stage: "grpo",
      device_ms: 45,
      phases: [
        { phase: "sampling", device_ms: 35 },
        { phase: "training", device_ms: 10 },
      ],
    },
  ]);
});

test("waste is told with its share and its money", () => {
  const work = entry("grpo", "training", 3e6);
  expect(wasteOf([work])).toBeNull();
  expect(wasteOf([work, entry("grpo", "waste", 1e6)])).toEqual({
    device_ms: 1e6,
    share: 0.25,
    money: "$1.00",
  });
});

test("money of different currencies is not added", () => {
  const [dollars, euros] = [entry("a", "training", 4e6), entry("a", "idle", 2e6)];
  expect(moneyWords([dollars, { ...euros, currency: "EUR" }])).toBe("$4.00 + €2.00");
  expect(moneyWords([{ ...dollars, micros: 0 }])).toBe("$0.00");
  expect(moneyWords([])).toBe("–");
});

test("a span of days ends today, in UTC", () => {
  expect(firstDay(1, new Date("2026-03-01T23:59:00Z"))).toBe("2026-03-01");
  expect(firstDay(7, new Date("2026-03-01T00:00:00Z"))).toBe("2026-02-23");
});

test("of each device one price holds: valid last, then added last", () => {
  const price = (id: number, device_model: string, valid_from: string): Price => ({
    id,
    device_model,
    valid_from,
    currency: "USD",
    per_hour: "2",
    tenure: "rented",
    note: "",
    added_by: "olga",
    added_at: "2026-01-01T00:00:00Z",
  });
  const book = [
    price(5, "B", "2026-02-01"),
    price(4, "A", "2026-04-01"),
    price(3, "A", "2026-02-01"),
    price(2, "A", "2026-02-01"),
    price(1, "A", "2026-01-01"),
  ];
  expect(inForce(book, "2026-03-01")).toEqual(new Set([3, 5]));
  expect(inForce(book, "2026-01-31")).toEqual(new Set([1]));
  expect(byDevice(book).map(({ id }) => id)).toEqual([4, 3, 2, 1, 5]);
});
