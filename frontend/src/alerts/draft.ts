/** A rule as it is being written: numbers are text until they are sent. */

import type { Schemas } from "@/api/client";
import type { AlertRule } from "@/api/queries";
import type { RuleKind } from "./ruleWords";

export interface Draft {
  name: string;
  kind: RuleKind;
  metric: string;
  direction: "above" | "below";
  limit: string;
  points: string;
  seconds: string;
  states: string[];
  unit: "device_hours" | "usd";
  days: string;
  action: AlertRule["action"];
}

type Part = "metric" | "direction" | "limit" | "points" | "seconds" | "states" | "unit" | "days";

/** What a rule of each kind needs; the server refuses the rest. */
export const NEEDS: Record<RuleKind, readonly Part[]> = {
  threshold: ["metric", "direction", "limit", "points"],
  slope: ["metric", "direction", "limit", "points"],
  nonfinite: ["metric", "points"],
  absence: ["seconds"],
  state: ["states"],
  budget: ["unit", "limit"],
  project_budget: ["unit", "limit", "days"],
};

export function draftOf(rule: AlertRule | null): Draft {
  return {
    name: rule?.name ?? "",
    kind: rule?.kind ?? "threshold",
    metric: rule?.metric ?? "",
    direction: rule?.direction === "below" ? "below" : "above",
    limit: rule?.limit?.toString() ?? "",
    points: rule?.points?.toString() ?? "10",
    seconds: rule?.seconds?.toString() ?? "1800",
    states: rule?.states ?? [],
    unit: rule?.unit === "usd" ? "usd" : "device_hours",
    days: rule?.days?.toString() ?? "30",
    action: rule?.action ?? "tell",
  };
}

/** The request's body: only what the kind needs; what is no number goes as it is, and is refused. */
export function ruleBody(draft: Draft): Schemas["RuleIn"] {
  const parts = {
    metric: draft.metric.trim(),
    direction: draft.direction,
    limit: toNumber(draft.limit),
    points: toNumber(draft.points),
    seconds: toNumber(draft.seconds),
    states: draft.states,
    unit: draft.unit,
    days: toNumber(draft.days),
  };
  const needed = NEEDS[draft.kind].map((part) => [part, parts[part]]);
  const action = draft.kind === "state" ? "tell" : draft.action;
  return { name: draft.name, kind: draft.kind, ...Object.fromEntries(needed), action };
}

function toNumber(text: string): number | string {
  const value = Number(text);
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}
