/** Sums of what was booked, and how they are written. */

import { formatMoney, formatNumber } from "@/ui/format";
import type { Entry, Sum } from "./queries";

const MICRO = 1e6;
const MJ_PER_WH = 3.6e6;

/** Millijoules → "0.4 Wh", "12.5 kWh". */
export function formatEnergy(mj: number): string {
  const wh = mj / MJ_PER_WH;
  return wh < 1000 ? `${tenths(wh)} Wh` : `${tenths(wh / 1000)} kWh`;
}

/** Grams → "0.4 g", "12.5 kg". */
export function formatCo2(grams: number): string {
  return grams < 1000 ? `${tenths(grams)} g` : `${tenths(grams / 1000)} kg`;
}

/** Millionths of a currency's unit → "$12.34". */
export function formatMicros(micros: number, currency: string): string {
  return formatMoney(micros / MICRO, currency);
}

/** Whole dollars: "$5,576,000". */
export function formatDollars(usd: number): string {
  return `$${formatNumber(usd, 0)}`;
}

function tenths(value: number): string {
  return value > 0 && value < 0.1 ? "<0.1" : formatNumber(value, 1);
}

export interface StageSum {
  stage: string;
  device_ms: number;
  phases: { phase: string; device_ms: number }[];
}

/** Device time by stage, in the order of the entries, each with its phases. */
export function byStage(entries: readonly Entry[]): StageSum[] {
  const stages = new Map<string, Map<string, number>>();
  for (const { stage, phase, device_ms } of entries) {
    const phases = stages.get(stage) ?? new Map<string, number>();
    phases.set(phase, (phases.get(phase) ?? 0) + device_ms);
    stages.set(stage, phases);
  }
  return [...stages].map(([stage, phases]) => ({
    stage,
    device_ms: [...phases.values()].reduce((sum, ms) => sum + ms, 0),
    phases: [...phases].map(([phase, device_ms]) => ({ phase, device_ms })),
  }));
}

/** Milliseconds of device time over all sums. */
export function deviceMs(sums: readonly Sum[]): number {
  return sums.reduce((sum, { device_ms }) => sum + device_ms, 0);
}

/** "$4.00", or "$4.00 + €2.50" where devices are paid in more than one currency. */
export function moneyWords(sums: readonly Sum[]): string {
  const paid = new Map<string, number>();
  for (const { currency, micros } of sums) paid.set(currency, (paid.get(currency) ?? 0) + micros);
  const some = [...paid].filter(([, micros]) => micros > 0);
  const told = some.length > 0 ? some : [...paid].slice(0, 1);
  return told.map(([currency, micros]) => formatMicros(micros, currency)).join(" + ") || "–";
}

export interface Waste {
  device_ms: number;
  share: number;
  money: string;
}

/** Work of which nothing is left; null where there is none. */
export function wasteOf(entries: readonly Entry[]): Waste | null {
  const wasted = entries.filter(({ phase }) => phase === "waste");
  const device_ms = deviceMs(wasted);
  if (device_ms === 0) return null;
  return { device_ms, share: device_ms / deviceMs(entries), money: moneyWords(wasted) };
}

const DAY_MS = 24 * 3600 * 1000;

/** The first of so many UTC days of which today is the last, as "2026-03-01". */
export function firstDay(days: number, now: Date): string {
  return new Date(now.getTime() - (days - 1) * DAY_MS).toISOString().slice(0, 10);
}
