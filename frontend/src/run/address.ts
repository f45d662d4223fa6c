/** What of the run page lives in its address, so that a link shows the same. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { FIRST_VIEW, type View } from "@/charts/view";
import { parseView, viewTexts } from "@/charts/viewAddress";
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
  { key: "provenance", label: "Provenance" },
  { key: "system", label: "System" },
  { key: "cost", label: "Cost" },
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

export function parseAddress(params: URLSearchParams): Address {
  const step = params.get("step") ?? "";
  return {
    ...parseView(params),
    ...parseReader(params),
    tab: TABS.find(({ key }) => key === params.get("tab"))?.key ?? START.tab,
    step: /^\d{1,9}$/.test(step) ? Number(step) : null,
  };
}

/** Only what differs from the start stands in the address. */
export function formatAddress(address: Address): URLSearchParams {
  const texts = {
    tab: address.tab === START.tab ? "" : address.tab,
    step: address.step === null ? "" : String(address.step),
    ...viewTexts(address),
  };
  const own = Object.entries(texts).filter(([, text]) => text !== "");
  return new URLSearchParams([...own, ...formatReader(address)]);
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
