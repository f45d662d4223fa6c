/** The numbers of the summary table: last, best and mean, how far from the baseline, and as text. */

import type { Schemas } from "@/api/client";
import { type Better, betterOf } from "@/charts/seriesHelp";
import { toNumber, type WireNumber } from "@/live/messages";

export type Statistics = Schemas["StatisticsListOut"];

export const KINDS = ["last", "best", "mean"] as const;
export type Kind = (typeof KINDS)[number];

/** NaN: not a number, or none; `undefined`: the run has no such series. */
export type Figure = number | undefined;

export interface SummaryColumn {
  series: string;
  kind: Kind;
  /** Of each run. */
  values: Figure[];
}

/** Three columns a series, two where it has no better end; runs in the order asked for. */
export function columnsOf(found: Statistics, runs: readonly number[]): SummaryColumn[] {
  const places = new Map(found.runs.map((run, place) => [run, place]));
  return found.series.flatMap((series) => {
    const better = betterOf(series.name);
    const best = better === "down" ? series.min : series.max;
    const of = { last: series.last, best, mean: series.mean };
    return KINDS.filter((kind) => kind !== "best" || better !== null).map((kind) => ({
      series: series.name,
      kind,
      values: runs.map((run) => figure(of[kind][places.get(run) ?? -1])),
    }));
  });
}

function figure(value: WireNumber | undefined): Figure {
  return value === null || value === undefined ? undefined : toNumber(value);
}

export interface Delta {
  difference: number;
  /** null where a series is better neither way, or nothing has changed. */
  verdict: "better" | "worse" | null;
}

/** How far a value is from the baseline's; null where either is no finite number. */
export function deltaOf(value: Figure, base: Figure, better: Better): Delta | null {
  if (!Number.isFinite(value) || !Number.isFinite(base)) return null;
  const difference = (value as number) - (base as number);
  if (better === null || difference === 0) return { difference, verdict: null };
  return { difference, verdict: difference > 0 === (better === "up") ? "better" : "worse" };
}

/** "-reward/mean:best" sorts falling; what is not there stands last, either way. */
export function sortedBy<Row>(
  rows: readonly Row[],
  value: (row: Row) => number | string | undefined,
  falling: boolean,
): Row[] {
  const missing = (given: unknown) => given === undefined || Number.isNaN(given);
  return rows.toSorted((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (missing(a) || missing(b)) return Number(missing(a)) - Number(missing(b));
    const order =
      typeof a === "number" && typeof b === "number"
        ? a - b
        : String(a).localeCompare(String(b), "en", { numeric: true });
    return falling ? -order : order;
  });
}

export type TextTable = { head: string[]; rows: string[][] };

export function asMarkdown({ head, rows }: TextTable): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  const rule = `| ${head.map((_, index) => (index === 0 ? "---" : "---:")).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** RFC 4180; a cell that a spreadsheet would take for a formula is text. */
export function asCsv({ head, rows }: TextTable): string {
  const cell = (text: string) => {
    const safe = /^[=+@\t\r]/.test(text) || /^-\D/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}
