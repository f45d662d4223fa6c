/** The stages of a pipeline in the form: of each what differs from the run's own tables. */

import { type FieldSpec, fieldOfEntry, type Group, isNestedField } from "./form";
import { differences, getAt, isTable, laidOver, type Table } from "./nested";

/** Tables of a run that a stage may have, too. */
const OWN = new Set(["task", "reward", "grpo", "sampling", "optim", "evaluation"]);

/** Names of all stages: those of the pipeline as the preset has it, then those left out of it. */
export function stageNames(base: Table, values: Table): string[] {
  const named = [...lines(base.pipeline), ...lines(values.pipeline)];
  return [...new Set([...named, ...Object.keys(tableOf(values.stages))])];
}

export function pipelineIn(values: Table): string[] {
  return lines(values.pipeline);
}

/** The config with the run's tables laid under those of its stages, as the server does it. */
export function laidUnderStages(base: Table, overrides: Table): Table {
  const values = laidOver(base, overrides);
  const stages = Object.entries(tableOf(values.stages)).map(([name, stage]) => {
    const before = tableOf(tableOf(base.stages)[name]);
    const own = differences(before, ownTables(base, before));
    const set = laidOver(own, tableOf(tableOf(overrides.stages)[name]));
    return [name, laidOver(ownTables(values, tableOf(stage)), set)];
  });
  return stages.length > 0 ? { ...values, stages: Object.fromEntries(stages) as Table } : values;
}

/** A group for each stage of the pipeline. */
export function stageGroups(schema: Table, base: Table, overrides: Table): Group[] {
  const values = laidUnderStages(base, overrides);
  return pipelineIn(values).flatMap((name) => {
    const stage = tableOf(values.stages)[name];
    const field = stage && fieldOfEntry(schema, "stages", name, stage);
    if (!field || !isNestedField(field)) return [];
    const isOwn = (each: FieldSpec) => differs(each, name, base, overrides);
    return [
      {
        key: `stages.${name}`,
        title: name,
        description: field.help,
        fields: those(field.fields, isOwn),
        others: those(field.fields, (each) => !isOwn(each)),
      },
    ];
  });
}

/** Whether a field is the stage's alone, or is not what the run's own table says. */
function differs(field: FieldSpec, name: string, base: Table, overrides: Table): boolean {
  const path = field.path.slice(`stages.${name}.`.length);
  if (!OWN.has(path.split(".")[0] ?? "")) return true;
  if (getAt(overrides, field.path) !== undefined) return true;
  return JSON.stringify(getAt(base, field.path)) !== JSON.stringify(getAt(base, path));
}

/** The fields that are wanted, tables with those of theirs that are. */
function those(fields: readonly FieldSpec[], wanted: (field: FieldSpec) => boolean): FieldSpec[] {
  return fields.flatMap((field): FieldSpec[] => {
    if (!isNestedField(field) || field.kind !== "section") return wanted(field) ? [field] : [];
    const inner = those(field.fields, wanted);
    return inner.length > 0 ? [{ ...field, fields: inner }] : [];
  });
}

function ownTables(values: Table, stage: Table): Table {
  const kept = Object.entries(values).filter(([key]) => OWN.has(key) && key in stage);
  return Object.fromEntries(kept);
}

function lines(value: Table[string] | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function tableOf(value: Table[string] | undefined): Table {
  return isTable(value) ? value : {};
}
