/** The form of a run's config, read from its JSON Schema. */

import { formatNumber } from "@/ui/format";
import { isTable, setAt, type Table, type Value } from "./nested";

export interface Group {
  key: string;
  title: string;
  description: string;
  fields: FieldSpec[];
}

export type FieldSpec = {
  path: string;
  label: string;
  help: string;
  unit: string;
  /** "1 to 4,096", "above 0"; empty when anything goes. */
  range: string;
  initial: Value;
} & (
  | { kind: "number" | "text" | "boolean" | "table" }
  | { kind: "choice"; choices: (string | number)[] }
);

/** Settings that stand in no table of their own. */
const TOP = "run";
const TITLES: Record<string, string> = { [TOP]: "Run", grpo: "GRPO", optim: "Optimisation" };
/** Where the field's own name says too little beside the others. */
const LABELS: Record<string, string> = { "task.name": "Task" };
const ACRONYMS: Record<string, string> = { kl: "KL", eps: "ε", zero: "ZeRO", coef: "coefficient" };

export function groupsOf(schema: Table): Group[] {
  const properties = tableAt(schema, "properties");
  const nested = Object.entries(properties).map(([key, node]) => ({
    key,
    node: resolved(schema, node),
  }));
  const groups = nested
    .filter(({ node }) => isTable(node.properties))
    .map(({ key, node }) => ({
      key,
      title: TITLES[key] ?? words(key),
      description: text(node.description),
      fields: fieldsOf(schema, node, `${key}.`),
    }));
  const single = nested.filter(({ node }) => !isTable(node.properties));
  const top = single.map(({ key, node }) => fieldOf(key, key, node));
  return top.length > 0
    ? [...groups, { key: TOP, title: "Run", description: "", fields: top }]
    : groups;
}

/** The config of a run that sets nothing. */
export function initialConfig(groups: readonly Group[]): Table {
  let config: Table = {};
  for (const field of groups.flatMap((group) => group.fields)) {
    config = setAt(config, field.path, field.initial);
  }
  return config;
}

/** What a person typed as the value it means; what is no number stays as typed, to be refused. */
export function fromText(field: FieldSpec, typed: string): Value {
  if (field.kind !== "number") return typed;
  const number = Number(typed.replaceAll(",", "").replaceAll("_", ""));
  return typed.trim() === "" || !Number.isFinite(number) ? typed : number;
}

function fieldsOf(schema: Table, node: Table, prefix: string): FieldSpec[] {
  return Object.entries(tableAt(node, "properties")).map(([key, property]) =>
    fieldOf(`${prefix}${key}`, key, resolved(schema, property)),
  );
}

function fieldOf(path: string, key: string, node: Table): FieldSpec {
  const common = {
    path,
    label: LABELS[path] ?? words(key),
    help: text(node.description),
    unit: text(node.unit),
    range: rangeOf(node),
    initial: node.default ?? null,
  };
  const choices = node.const !== undefined ? [node.const] : node.enum;
  if (Array.isArray(choices)) {
    return { ...common, kind: "choice", choices: choices.filter(isChoice) };
  }
  switch (node.type) {
    case "integer":
    case "number":
      return { ...common, kind: "number" };
    case "boolean":
      return { ...common, kind: "boolean" };
    case "object":
      return { ...common, kind: "table" };
    default:
      return { ...common, kind: "text" };
  }
}

function rangeOf(node: Table): string {
  const low = numberAt(node, "minimum") ?? numberAt(node, "exclusiveMinimum");
  const high = numberAt(node, "maximum") ?? numberAt(node, "exclusiveMaximum");
  const above = node.minimum === undefined ? "above" : "from";
  const below = node.maximum === undefined ? "below" : "to";
  const parts = [
    low === undefined ? "" : `${above} ${formatNumber(low)}`,
    high === undefined ? "" : `${below} ${formatNumber(high)}`,
  ];
  return parts.filter(Boolean).join(" ");
}

/** Follows a reference into the schema's definitions; what stands beside it wins. */
function resolved(schema: Table, node: Value): Table {
  if (!isTable(node)) return {};
  const name = text(node.$ref).replace("#/$defs/", "");
  return name ? { ...tableAt(tableAt(schema, "$defs"), name), ...node } : node;
}

/** "kl_coef" → "KL coefficient". */
function words(key: string): string {
  const spelt = key
    .split("_")
    .map((word) => ACRONYMS[word] ?? word)
    .join(" ");
  return spelt.charAt(0).toUpperCase() + spelt.slice(1);
}

function isChoice(value: Value): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function tableAt(table: Table, key: string): Table {
  const below = table[key];
  return isTable(below) ? below : {};
}

function numberAt(table: Table, key: string): number | undefined {
  const value = table[key];
  return typeof value === "number" ? value : undefined;
}

function text(value: Value | undefined): string {
  return typeof value === "string" ? value : "";
}
