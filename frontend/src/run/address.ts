/** What of the run page lives in its address, so that a link shows the same. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { AXES } from "@/charts/clock";
import { SMOOTHING_KINDS, type Smoothing } from "@/charts/smoothing";
import { FIRST_VIEW, type View } from "@/charts/view";
import {
  FIRST_PAGE,
  formatReader,
  isSameLevel,
  parseReader,
  type ReaderAddress,
} from "@/rollouts/address";

export const TABS = [
  { key: "overview", label: "Overview" },
  { key: "rollouts", label: "Rollouts" },
  { key: "config", label: "Config" },
  { key: "logs", label: "Logs" },
  { key: "checkpoints", label: "Checkpoints" },
  { key: "system", label: "System" },
  { key: "alerts", label: "Alerts" },
  { key: "history", label: "History" },
] as const;

export type TabKey = (typeof TABS)[number]["key"];

export interface Address extends View, ReaderAddress {
  tab: TabKey;
  /** Pinned step; null follows the run. */
  step: number | null;
}

const START: Address = { ...FIRST_VIEW, ...FIRST_PAGE, tab: "overview", step: null };
const LONGEST_SPAN = 100_000;

export function parseAddress(params: URLSearchParams): Address {
  const step = params.get("step") ?? "";
  const list = (name: string) => params.get(name)?.split(",").filter(Boolean) ?? [];
  return {
    ...parseReader(params),
    tab: TABS.find(({ key }) => key === params.get("tab"))?.key ?? START.tab,
    step: /^\d{1,9}$/.test(step) ? Number(step) : null,
    axis: AXES.find((axis) => axis === params.get("axis")) ?? START.axis,
    logX: params.get("x") === "log",
    smoothing: parseSmoothing(params.get("smooth") ?? ""),
    zoom: parseZoom(params.get("zoom") ?? ""),
    robust: params.get("outliers") === "cut",
    hidden: list("hide"),
    log: list("log"),
    tables: list("table"),
    more: params.get("more") === "1",
  };
}

/** "20" smooths by the first kind, "20-gaussian" by another one, "0" not at all. */
function parseSmoothing(text: string): Smoothing {
  const [, digits, name] = text.match(/^(\d{1,6})(?:-(\w+))?$/) ?? [];
  if (digits === undefined || Number(digits) > LONGEST_SPAN) return START.smoothing;
  const kind = SMOOTHING_KINDS.find((kind) => kind === name) ?? START.smoothing.kind;
  return { kind, span: Number(digits) };
}

/** "120..480": steps, with at most three decimals. */
function parseZoom(text: string): Address["zoom"] {
  const [, from, to] = text.match(/^(-?\d{1,9}(?:\.\d{1,3})?)\.\.(-?\d{1,9}(?:\.\d{1,3})?)$/) ?? [];
  return from !== undefined && Number(from) < Number(to) ? [Number(from), Number(to)] : null;
}

/** Only what differs from the start stands in the address. */
export function formatAddress(address: Address): URLSearchParams {
  const { kind, span } = address.smoothing;
  const byKind = kind === START.smoothing.kind ? "" : `-${kind}`;
  const unsmoothed = kind === START.smoothing.kind && span === START.smoothing.span;
  const texts = {
    tab: address.tab === START.tab ? "" : address.tab,
    step: address.step === null ? "" : String(address.step),
    axis: address.axis === START.axis ? "" : address.axis,
    x: address.logX ? "log" : "",
    smooth: unsmoothed ? "" : `${span}${byKind}`,
    zoom: address.zoom?.map((step) => String(roundStep(step))).join("..") ?? "",
    outliers: address.robust ? "cut" : "",
    hide: address.hidden.join(","),
    log: address.log.join(","),
    table: address.tables.join(","),
    more: address.more ? "1" : "",
  };
  const own = Object.entries(texts).filter(([, text]) => text !== "");
  return new URLSearchParams([...own, ...formatReader(address)]);
}

export function roundStep(step: number): number {
  return Number(step.toFixed(3));
}

/** The link to a run's page as this address has it. */
export function linkTo(runId: number, address: Address): string {
  const query = formatAddress(address).toString();
  return `/runs/${runId}${query && `?${query}`}`;
}

/** The address, and a way to change it; from another tab or level of the reader one can go back. */
export function useAddress(): [Address, (change: Partial<Address>) => void] {
  const [params, setParams] = useSearchParams();
  const address = useMemo(() => parseAddress(params), [params]);
  const change = useCallback(
    (part: Partial<Address>) => {
      const before = parseAddress(new URLSearchParams(window.location.search));
      setParams(formatAddress({ ...before, ...part }), {
        replace: part.tab === undefined && isSameLevel(before, { ...before, ...part }),
      });
    },
    [setParams],
  );
  return [address, change];
}
