/**
 * A chart in a note: a fenced block whose lines are what stands in the address of a comparison.
 *
 *     ```chart
 *     runs=12,15-20
 *     series=reward/mean,kl/mean
 *     group=grpo.kl_coef
 *     ```
 */

import { type Address, parseAddress } from "@/compare/address";

/** `chart`: series as charts. `compare`: what the tab of the comparison shows. */
export const BLOCKS = ["chart", "compare"] as const;
export type BlockKind = (typeof BLOCKS)[number];

export interface Block {
  address: Address;
  /** Series that are drawn; none were named: those that an expert asks for first. */
  series: string[];
}

const FIRST_SERIES = ["reward/mean", "eval/pass_at_1"];

/** null: no run is named. Lines that mean nothing are passed over. */
export function parseBlock(text: string): Block | null {
  const params = new URLSearchParams();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) params.append(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  const address = parseAddress(params);
  if (address.runs.length === 0) return null;
  const series = (params.get("series") ?? "").split(",").filter(Boolean);
  return { address, series: series.length > 0 ? series : FIRST_SERIES };
}

/** The block that a link to a comparison or to a run stands for; null for any other text. */
export function blockOfLink(text: string, origin: string): string | null {
  const link = text.trim();
  if (/\s/.test(link) || !URL.canParse(link, origin)) return null;
  const { origin: from, pathname, searchParams } = new URL(link, origin);
  if (from !== origin || !(link.startsWith("/") || link.startsWith(origin))) return null;
  const [, run] = pathname.match(/^\/runs\/(\d+)\/?$/) ?? [];
  if (run !== undefined) return fenced("chart", [`runs=${run}`, "series=reward/mean"]);
  if (pathname !== "/compare" || !searchParams.has("runs")) return null;
  return fenced(
    "compare",
    [...searchParams].map(([name, value]) => `${name}=${value}`),
  );
}

function fenced(kind: BlockKind, lines: readonly string[]): string {
  return ["```", kind, "\n", lines.join("\n"), "\n```\n"].join("");
}
