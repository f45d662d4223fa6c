/** What of the run page lives in its address, so that a link shows the same. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { Axis } from "@/charts/plotData";

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

export const SMOOTHINGS = [0, 2, 5, 10, 20, 50] as const;

export interface Address {
  tab: TabKey;
  /** Pinned step; null follows the run. */
  step: number | null;
  axis: Axis;
  /** Steps. */
  smoothing: number;
}

const START: Address = { tab: "overview", step: null, axis: "step", smoothing: 5 };

export function parseAddress(params: URLSearchParams): Address {
  const tab = TABS.find(({ key }) => key === params.get("tab"))?.key ?? START.tab;
  const step = params.get("step") ?? "";
  const smoothing = Number(params.get("smooth") ?? START.smoothing);
  return {
    tab,
    step: /^\d{1,9}$/.test(step) ? Number(step) : null,
    axis: params.get("axis") === "time" ? "time" : "step",
    smoothing: SMOOTHINGS.find((span) => span === smoothing) ?? START.smoothing,
  };
}

/** Only what differs from the start stands in the address. */
export function formatAddress(address: Address): URLSearchParams {
  const params = new URLSearchParams();
  if (address.tab !== START.tab) params.set("tab", address.tab);
  if (address.step !== null) params.set("step", String(address.step));
  if (address.axis !== START.axis) params.set("axis", address.axis);
  if (address.smoothing !== START.smoothing) params.set("smooth", String(address.smoothing));
  return params;
}

/** The address, and a way to change it; a change of tab can be gone back from. */
export function useAddress(): [Address, (change: Partial<Address>) => void] {
  const [params, setParams] = useSearchParams();
  const address = useMemo(() => parseAddress(params), [params]);
  const change = useCallback(
    (part: Partial<Address>) =>
      setParams((before) => formatAddress({ ...parseAddress(before), ...part }), {
        replace: part.tab === undefined,
      }),
    [setParams],
  );
  return [address, change];
}
