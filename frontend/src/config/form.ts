/** The form of a run's config, read from its JSON Schema. */

import { formatNumber } from "@/ui/format";
import { isTable, type Table, type Value } from "./nested";

export interface Group {
  key: string;
  title: string;
  description: string;
  fields: FieldSpec[];
  /** Those of a stage that are as in the run's own tables. */
  others?: FieldSpec[];
}

export type FieldSpec = {
  path: string;
  label: string;
  help: string;
  unit: string;
  /** "1 to 4,096", "above 0"; empty when anything goes. */
  range: string;
  initial: Value;
  /** Empty stands for null. */
  nullable: boolean;
} & (
  | { kind: "number" | "text" | "boolean" | "table" | "lines" }
  /** A list of anything but strings; `item` is what one of them starts from. */
  | { kind: "json"; item: Value }
  | { kind: "choice"; choices: (string | number)[] }
  | NestedSpec
);

/** A table in a table, with the fields that it has now. */
type NestedSpec = { fields: FieldSpec[] } & (
  | { kind: "section" }
  /** Of one of several types, each with what it starts from. */
  | { kind: "variant"; variants: Record<string, Table> }
  /** May be left out: on, it starts from this. */
  | { kind: "switch"; on: Table }
);
export type NestedField = FieldSpec & NestedSpec;

/** Settings that have a form of their own, see stages.ts. */
const OF_PIPELINE = new Set(["pipeline", "stages"]);
/** Settings that stand in no table of their own. */
const TOP = "run";
const TITLES: Record<string, string> = { [TOP]: "Run", grpo: "GRPO", optim: "Optimisation" };
/** Where the field's own name says too little beside the others. */
const LABELS: Record<string, string> = { "task.name": "Task" };
const ACRONYMS: Record<string, string> = {
  kl: "KL",
  eps: "ε",
  zero: "ZeRO",
  coef: "coefficient",
  url: "URL",
  kv: "KV",
  mtp: "MTP",
  env: "environment variable",
  ngram: "n-gram",
  ref: "reference",
};

/** The form as it is while `values` stand in it: variants bring fields of their own. */
export function groupsOf(schema: Table, values: Table): Group[] {
  const nested = Object.entries(tableAt(schema, "properties")).map(([key, property]) => ({
    key,
    node: resolved(schema, property),
  }));
  const groups = nested.filter(({ node }) => isNested(node));
  const top = nested.filter(({ key, node }) => !isNested(node) && !OF_PIPELINE.has(key));
  const described = groups.map(({ key, node }) => ({
    key,
    title: TITLES[key] ?? words(key),
    description: unionOf(schema, node) ? "" : text(node.description),
    fields: unionOf(schema, node)
      ? [fieldAt(schema, node, { path: key, label: "Type" }, values[key])]
      : fieldsIn(schema, node, key, values[key]),
  }));
  const alone = top.map(({ key, node }) =>
    fieldAt(schema, node, { path: key, label: words(key) }, values[key]),
  );
  return alone.length > 0
    ? [...described, { key: TOP, title: "Run", description: "", fields: alone }]
    : described;
}

/** The field of one of several named tables, each of one of several types. */
export function fieldOfEntry(schema: Table, key: string, name: string, value: Value): FieldSpec {
  // Names have to match a pattern, so the schema of an entry stands behind that.
  const patterns = tableAt(tableAt(tableAt(schema, "properties"), key), "patternProperties");
  const node = resolved(schema, Object.values(patterns)[0] ?? {});
  return fieldAt(schema, node, { path: `${key}.${name}`, label: name }, value);
}

/** The config of a run that sets nothing. */
export function initialConfig(schema: Table): Table {
  return initialOf(schema, schema) as Table;
}

/** What a person typed as the value it means; what is no number stays as typed, to be refused. */
export function fromText(field: FieldSpec, typed: string): Value {
  if (field.nullable && typed.trim() === "") return null;
  if (field.kind !== "number") return typed;
  const number = Number(typed.replaceAll(",", "").replaceAll("_", ""));
  return typed.trim() === "" || !Number.isFinite(number) ? typed : number;
}

export function isNestedField(field: FieldSpec): field is NestedField {
  return field.kind === "section" || field.kind === "variant" || field.kind === "switch";
}

/** The fields that stand in the form, without the tables that only hold some together. */
export function controlsOf(fields: readonly FieldSpec[]): FieldSpec[] {
  return fields.flatMap((field) => {
    if (!isNestedField(field)) return [field];
    const inner = controlsOf(field.fields);
    return field.kind === "section" ? inner : [field, ...inner];
  });
}

interface Place {
  path: string;
  label: string;
}

/** A setting as the field that shows it, together with those of the table it stands for. */
function fieldAt(schema: Table, node: Table, place: Place, value: Value | undefined): FieldSpec {
  const union = unionOf(schema, node);
  if (union) return variantField(schema, node, place, union, value);
  const inner = nullableOf(schema, node);
  if (inner && !isNested(inner)) {
    return { ...fieldOf(schema, place, { ...inner, ...beside(node) }), nullable: true };
  }
  if (inner) {
    const on = initialOf(schema, inner) as Table;
    const fields = isTable(value) ? fieldsIn(schema, inner, place.path, value) : [];
    return { ...common(place, node), kind: "switch", on, fields };
  }
  if (!isTable(node.properties)) return fieldOf(schema, place, node);
  const fields = fieldsIn(schema, node, place.path, value);
  return { ...common(place, node), kind: "section", fields };
}

/** The fields of a table. */
function fieldsIn(schema: Table, node: Table, path: string, value: Value | undefined): FieldSpec[] {
  return Object.entries(tableAt(node, "properties")).map(([key, property]) => {
    const place = { path: `${path}.${key}`, label: LABELS[`${path}.${key}`] ?? words(key) };
    const below = isTable(value) ? value[key] : undefined;
    return fieldAt(schema, resolved(schema, property), place, below);
  });
}

function variantField(
  schema: Table,
  node: Table,
  place: Place,
  union: Record<string, Table>,
  value: Value | undefined,
): FieldSpec {
  const initial = isTable(node.default) ? node.default : {};
  const type = text((isTable(value) ? value : initial).type) || (Object.keys(union)[0] ?? "");
  const chosen = union[type] ?? {};
  const starts = Object.entries(union).map(([name, variant]) => [name, initialOf(schema, variant)]);
  const { type: _, ...properties } = tableAt(chosen, "properties");
  return {
    ...common(place, chosen),
    kind: "variant",
    variants: Object.fromEntries(starts) as Record<string, Table>,
    fields: fieldsIn(schema, { ...chosen, properties }, place.path, value),
  };
}

function fieldOf(schema: Table, place: Place, node: Table): FieldSpec {
  const shared = common(place, node);
  const choices = node.const !== undefined ? [node.const] : node.enum;
  if (Array.isArray(choices)) {
    return { ...shared, kind: "choice", choices: choices.filter(isChoice) };
  }
  switch (node.type) {
    case "integer":
    case "number":
      return { ...shared, kind: "number" };
    case "boolean":
      return { ...shared, kind: "boolean" };
    case "object":
      return { ...shared, kind: "table" };
    case "array":
      return listOf(schema, shared, tableAt(node, "items"));
    default:
      return { ...shared, kind: "text" };
  }
}

function listOf(schema: Table, shared: ReturnType<typeof common>, items: Table): FieldSpec {
  if (items.type === "string") return { ...shared, kind: "lines" };
  return { ...shared, kind: "json", item: initialOf(schema, items) };
}

function common(place: Place, node: Table) {
  return {
    path: place.path,
    label: place.label,
    help: text(node.description),
    unit: text(node.unit),
    range: rangeOf(node),
    initial: node.default ?? null,
    nullable: false,
  };
}

/** What a setting is while nobody has set it: null where it has to be set. */
function initialOf(schema: Table, property: Value): Value {
  const node = resolved(schema, property);
  const union = unionOf(schema, node);
  if (union && node.default === undefined) return initialOf(schema, Object.values(union)[0] ?? {});
  if (isTable(node.properties) && !union) {
    const entries = Object.entries(node.properties).map(([key, below]) => [
      key,
      initialOf(schema, below),
    ]);
    return Object.fromEntries(entries) as Table;
  }
  if (node.default !== undefined) return node.default;
  if (node.const !== undefined) return node.const;
  if (node.type === "array") return [];
  return node.type === "object" ? {} : null;
}

/** The variants of a table by their type; null for anything else. */
function unionOf(schema: Table, node: Table): Record<string, Table> | null {
  if (!isTable(node.discriminator)) return null;
  // Pydantic sorts the mapping by name; the schema's own order is that of its variants.
  const order = (Array.isArray(node.oneOf) ? node.oneOf : []).map((each) => refOf(each));
  const variants = Object.entries(tableAt(node.discriminator, "mapping")).sort(
    ([, a], [, b]) => order.indexOf(text(a)) - order.indexOf(text(b)),
  );
  return Object.fromEntries(
    variants.map(([type, ref]) => [type, resolved(schema, { $ref: ref } as Table)]),
  );
}

/** What a setting is when it is not null; null for one that never is. */
function nullableOf(schema: Table, node: Table): Table | null {
  if (!Array.isArray(node.anyOf)) return null;
  const others = node.anyOf.filter((each) => isTable(each) && each.type !== "null");
  const [only] = others;
  return others.length === 1 && only !== undefined ? resolved(schema, only) : null;
}

function isNested(node: Table): boolean {
  return isTable(node.properties) || isTable(node.discriminator);
}

/** What stands beside `anyOf`: default, description, unit. */
function beside(node: Table): Table {
  const { anyOf: _, ...rest } = node;
  return rest;
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
  const name = refOf(node).replace("#/$defs/", "");
  return name ? { ...tableAt(tableAt(schema, "$defs"), name), ...node } : node;
}

function refOf(node: Value): string {
  return isTable(node) ? text(node.$ref) : "";
}

/** "kl_coef" → "KL coefficient", "timeout_s" → "Timeout": its unit stands beside the control. */
function words(key: string): string {
  const spelt = key
    .replace(/_(s|gib|mib)$/, "")
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
