/** What a rule looks for, in a few words. */

import type { AlertRule } from "@/api/queries";
import { formatCost, formatDuration, formatNumber, plural } from "@/ui/format";

export type RuleKind = AlertRule["kind"];

export const KINDS: readonly { value: RuleKind; label: string }[] = [
  { value: "threshold", label: "A metric is above or below a limit" },
  { value: "slope", label: "A metric rises or falls" },
  { value: "nonfinite", label: "A metric is not a number" },
  { value: "absence", label: "No metrics come" },
  { value: "state", label: "The run comes to a state" },
  { value: "budget", label: "The run costs more than a budget" },
];

/** What only a project can have. */
export const PROJECT_KINDS: readonly { value: RuleKind; label: string }[] = [
  { value: "project_budget", label: "The project costs more than a budget" },
];

export const ACTIONS: readonly { value: AlertRule["action"]; run: string; project: string }[] = [
  { value: "tell", run: "only tells", project: "only tells" },
  { value: "pause", run: "pauses the run", project: "pauses the project's runs" },
  { value: "stop", run: "stops the run", project: "stops the project's runs" },
];

/** What a rule does besides telling. */
export function actionWords({ kind, action }: Pick<AlertRule, "kind" | "action">): string {
  const found = ACTIONS.find(({ value }) => value === action);
  return (kind === "project_budget" ? found?.project : found?.run) ?? action;
}

/** "$12.34", "3.5 device-hours". */
export function amount(value: number | null, unit: string): string {
  return unit === "usd" ? formatCost(value) : `${formatNumber(value)} device-hours`;
}

export function ruleWords(rule: AlertRule): string {
  const limit = formatNumber(rule.limit);
  const points = rule.points ?? 1;
  const lasting = points > 1 ? ` for ${plural(points, "point")}` : "";
  switch (rule.kind) {
    case "threshold":
      return `${rule.metric} ${rule.direction} ${limit}${lasting}`;
    case "slope":
      return `${rule.metric} changes by ${rule.direction === "above" ? "more" : "less"} than ${limit} a step over ${plural(points, "point")}`;
    case "nonfinite":
      return `${rule.metric} is not a number${lasting}`;
    case "absence":
      return `no metrics for ${formatDuration(rule.seconds ?? 0)}`;
    case "state":
      return `the run is ${rule.states.join(" or ")}`;
    case "budget":
      return `the run costs more than ${amount(rule.limit, rule.unit)}`;
    case "project_budget":
      return `the project costs more than ${amount(rule.limit, rule.unit)} in ${plural(rule.days ?? 0, "day")}`;
  }
}
