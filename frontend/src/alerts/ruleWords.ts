/** What a rule looks for, in a few words. */

import type { AlertRule } from "@/api/queries";
import { formatDuration, formatNumber, plural } from "@/ui/format";

export type RuleKind = AlertRule["kind"];

export const KINDS: readonly { value: RuleKind; label: string }[] = [
  { value: "threshold", label: "A metric is above or below a limit" },
  { value: "slope", label: "A metric rises or falls" },
  { value: "nonfinite", label: "A metric is not a number" },
  { value: "absence", label: "No metrics come" },
  { value: "state", label: "The run comes to a state" },
];

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
  }
}
