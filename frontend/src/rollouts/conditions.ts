/** Conditions on completions as the API's `where` takes them: "reward>=0.5", "task=countdown". */

import { formatNumber } from "@/ui/format";
import type { Bin, CompletionRow } from "./queries";

export const SIGNS = ["=", "!=", "<", "<=", ">", ">="] as const;

export type Sign = (typeof SIGNS)[number];

export interface Condition {
  field: string;
  sign: Sign;
  value: string;
}

const CONDITION = /^\s*(.+?)\s*(>=|<=|!=|>|<|=)\s*(.+?)\s*$/;

/** Fields that every completion has, with the words for them. */
export const FIELDS: Record<string, string> = {
  step: "step",
  task: "task",
  difficulty: "difficulty",
  reward: "reward",
  advantage: "advantage",
  length: "length, tokens",
  finish_reason: "finish reason",
  entropy_mean: "entropy, nats",
  logprob_mean: "log-probability, nats",
  policy_version: "policy version",
  reward_mean: "mean reward of the group",
  reflections: "reflective words",
  other_script: "share of other scripts",
  parsed: "parsed answer",
  trained: "trained on",
};

/** What a histogram counts: numbers only. */
const NO_NUMBERS = new Set(["task", "finish_reason", "parsed", "trained"]);

export function numberFields(fields: readonly string[]): string[] {
  return fields.filter((field) => !NO_NUMBERS.has(field));
}

export function wordsOf(field: string): string {
  return FIELDS[field] ?? field.replace(/^rewards\./, "");
}

/** The fields of a run, its parts of the reward after the reward itself. */
export function fieldsOf(parts: readonly string[]): string[] {
  return Object.keys(FIELDS).flatMap((field) =>
    field === "reward" ? [field, ...parts.map((part) => `rewards.${part}`)] : [field],
  );
}

/** Names of the parts of the reward, in the order in which they come. */
export function partsOfRows(rows: readonly CompletionRow[]): string[] {
  return [...new Set(rows.flatMap(({ rewards }) => Object.keys(rewards)))];
}

export function parseCondition(text: string): Condition | null {
  const [, field, sign, value] = text.match(CONDITION) ?? [];
  if (field === undefined || value === undefined) return null;
  return { field, sign: sign as Sign, value };
}

/** As a chip says it: numbers rounded, signs of their own width. */
export function conditionLabel(text: string): string {
  const parsed = parseCondition(text);
  if (!parsed) return text;
  const number = Number(parsed.value);
  const value = Number.isNaN(number) ? parsed.value : formatNumber(number, 4);
  const sign = { ">=": "≥", "<=": "≤", "!=": "≠" }[parsed.sign as string] ?? parsed.sign;
  return `${wordsOf(parsed.field)} ${sign} ${value}`;
}

/** The conditions without those on a field. */
export function without(where: readonly string[], field: string): string[] {
  return where.filter((text) => parseCondition(text)?.field !== field);
}

/** The conditions with one more; none stands twice. */
export function withCondition(where: readonly string[], text: string): string[] {
  return where.includes(text) ? [...where] : [...where, text];
}

/** What holds for the completions of a bin, and for no others. */
export function conditionsOfBin(field: string, bin: Bin, isLast: boolean): string[] {
  if (bin.low === bin.high) return [`${field}=${bin.low}`];
  return [`${field}>=${bin.low}`, `${field}${isLast ? "<=" : "<"}${bin.high}`];
}

/** Only what is worth to be trained on by supervision: right, and ended by itself. */
export function forSupervision(where: readonly string[], parts: readonly string[]): string[] {
  const right = parts.includes("accuracy") ? "rewards.accuracy>=1" : "reward>=1";
  return [right, "finish_reason=stop"].reduce(withCondition, [...where]);
}
