/** What the comparison shows, kept in the page's address. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { FIRST_VIEW, type View } from "@/charts/view";
import { listIn, parseView, viewTexts } from "@/charts/viewAddress";
import { CENTRES, type Centre, SPREADS, type Spread } from "./bands";
import { formatRuns, parseRuns } from "./runNumbers";

export const TABS = [
  { key: "charts", label: "Charts" },
  { key: "summary", label: "Summary" },
  { key: "config", label: "Config" },
  { key: "explore", label: "Explore" },
] as const;
export type TabKey = (typeof TABS)[number]["key"];

/** Only runs whose field lies between both ends, or is one of some values. */
export type Condition =
  | { field: string; from: number; to: number }
  | { field: string; values: string[] };

/** `hidden` of the view are numbers of runs here, `zoom` are places on the axis. */
export interface Address extends View {
  tab: TabKey;
  runs: number[];
  pinned: number[];
  baseline: number | null;
  /** Field by which runs are coloured; "" by run. */
  colour: string;
  /** Field by which runs are grouped; "" leaves each by itself. */
  group: string;
  centre: Centre;
  spread: Spread;
  where: Condition[];
  /** Series of the summary; none: the first ones. */
  metrics: string[];
  newest: number;
  sort: string;
  /** Axes of the parallel coordinates, and of the scatter plot. */
  dimensions: string[];
  across: string;
  up: string;
}

export const NEWEST = 10;

const START: Address = {
  ...FIRST_VIEW,
  tab: "charts",
  runs: [],
  pinned: [],
  baseline: null,
  colour: "",
  group: "",
  centre: "mean",
  spread: "std",
  where: [],
  metrics: [],
  newest: NEWEST,
  sort: "",
  dimensions: [],
  across: "",
  up: "",
};

export function parseAddress(params: URLSearchParams): Address {
  const text = (name: string) => params.get(name) ?? "";
  const newest = text("newest");
  return {
    ...parseView(params),
    hidden: parseRuns(text("hide")).map(String),
    tab: TABS.find(({ key }) => key === text("tab"))?.key ?? START.tab,
    runs: parseRuns(text("runs")),
    pinned: parseRuns(text("pin")),
    baseline: parseRuns(text("base"))[0] ?? null,
    colour: text("color"),
    group: text("group"),
    centre: CENTRES.find((centre) => centre === text("centre")) ?? START.centre,
    spread: SPREADS.find((spread) => spread === text("band")) ?? START.spread,
    where: params.getAll("where").flatMap(parseCondition),
    metrics: listIn(params, "metrics"),
    newest: /^\d{1,3}$/.test(newest) ? Math.max(1, Number(newest)) : START.newest,
    sort: text("sort"),
    dimensions: listIn(params, "axes"),
    across: text("across"),
    up: text("up"),
  };
}

/** "grpo.kl_coef:0.001..0.1" is a range, "preset:a|b" are values. */
function parseCondition(text: string): Condition[] {
  const at = text.indexOf(":");
  if (at < 1) return [];
  const [field, rest] = [text.slice(0, at), text.slice(at + 1)];
  const [, from, to] = rest.match(/^(-?[\d.]+(?:e[+-]?\d+)?)\.\.(-?[\d.]+(?:e[+-]?\d+)?)$/i) ?? [];
  if (from === undefined) return [{ field, values: rest.split("|").map(decodeURIComponent) }];
  return [{ field, from: Number(from), to: Number(to) }];
}

export function conditionText(condition: Condition): string {
  return "values" in condition
    ? `${condition.field}:${condition.values.map(encodeURIComponent).join("|")}`
    : `${condition.field}:${condition.from}..${condition.to}`;
}

/** Only what differs from the start stands in the address. */
export function formatAddress(address: Address): URLSearchParams {
  const unless = (value: string, first: string) => (value === first ? "" : value);
  const texts = {
    runs: formatRuns(address.runs),
    tab: unless(address.tab, START.tab),
    pin: formatRuns(address.pinned),
    base: address.baseline === null ? "" : String(address.baseline),
    color: address.colour,
    group: address.group,
    centre: unless(address.centre, START.centre),
    band: unless(address.spread, START.spread),
    metrics: address.metrics.join(","),
    newest: unless(String(address.newest), String(START.newest)),
    sort: address.sort,
    axes: address.dimensions.join(","),
    across: address.across,
    up: address.up,
    ...viewTexts(address),
    hide: formatRuns(address.hidden.map(Number)),
  };
  const params = new URLSearchParams(Object.entries(texts).filter(([, text]) => text !== ""));
  for (const condition of address.where) params.append("where", conditionText(condition));
  return params;
}

/** As it stands behind the question mark: commas and slashes are themselves, which is shorter. */
export function queryOf(address: Address): string {
  return formatAddress(address).toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
}

/** The address, and a way to change it; a change of tab or of runs can be gone back from. */
export function useAddress(): [Address, (change: Partial<Address>) => void] {
  const [params, setParams] = useSearchParams();
  const address = useMemo(() => parseAddress(params), [params]);
  const change = useCallback(
    (part: Partial<Address>) =>
      setParams((before) => formatAddress({ ...parseAddress(before), ...part }), {
        replace: part.tab === undefined && part.runs === undefined,
      }),
    [setParams],
  );
  return [address, change];
}
