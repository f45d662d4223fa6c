/** Which runs of the page conditions let through. */

import { formatNumber } from "@/ui/format";
import type { Condition } from "./address";
import { type Fields, labelOf, written } from "./fields";

export function fits(fields: Fields, run: number, condition: Condition): boolean {
  if ("values" in condition) {
    const found = fields.values(run, condition.field);
    const values = Array.isArray(found) ? found : [found];
    return values.some((value) => condition.values.includes(written(value)));
  }
  const value = fields.number(run, condition.field);
  return value !== undefined && value >= condition.from && value <= condition.to;
}

/** Those that all conditions hold for; a field that is not there lets everything through. */
export function passing(
  fields: Fields,
  runs: readonly number[],
  conditions: readonly Condition[],
): number[] {
  const known = conditions.filter(({ field }) => fields.has(field));
  return runs.filter((run) => known.every((condition) => fits(fields, run, condition)));
}

/** `conditions` with one of a field in the place of the one before; null takes it away. */
export function withCondition(
  conditions: readonly Condition[],
  field: string,
  condition: Condition | null,
): Condition[] {
  const others = conditions.filter((other) => other.field !== field);
  return condition ? [...others, condition] : others;
}

export function conditionWords(condition: Condition): string {
  const label = labelOf(condition.field);
  if ("values" in condition) return `${label}: ${condition.values.join(", ")}`;
  return `${label} ${formatNumber(condition.from, 6)} to ${formatNumber(condition.to, 6)}`;
}
