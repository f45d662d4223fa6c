/** What runs can be grouped, coloured, filtered and drawn by: facts, config values, results. */

import type { Schemas } from "@/api/client";
import { formatNumber } from "@/ui/format";

export type Comparison = Schemas["ComparisonOut"];
export type ComparedRun = Schemas["ComparedRun"];

/** undefined: the run has no such field. Lists are texts. */
export type Cell = number | string | boolean | null | undefined;

const FACTS: Record<string, { label: string; of: (run: ComparedRun) => Cell | string[] }> = {
  name: { label: "Name", of: (run) => run.name },
  preset: { label: "Preset", of: (run) => run.preset || "none" },
  project: { label: "Project", of: (run) => run.project },
  owner: { label: "Owner", of: (run) => run.owner },
  tag: { label: "Tag", of: (run) => (run.tags.length > 0 ? run.tags : ["no tag"]) },
  state: { label: "State", of: (run) => run.state },
  step: { label: "Step", of: (run) => run.step },
  duration: { label: "Seconds", of: (run) => run.duration_s },
  device_hours: { label: "Device-hours", of: (run) => run.device_hours },
  cost: { label: "Cost in US dollars", of: (run) => run.cost_usd },
};

/** By which groups make sense. */
export const GROUP_FACTS = ["name", "preset", "project", "owner", "tag", "state"];
/** Numbers that every run has. */
export const NUMBER_FACTS = ["step", "duration", "device_hours", "cost"];

/** The fields of the compared runs. A config's have dots in their names, series have slashes. */
export class Fields {
  private readonly places: Map<number, number>;
  private readonly differing: Map<string, Comparison["config"]["differing"][number]>;

  constructor(readonly comparison: Comparison) {
    this.places = new Map(comparison.runs.map((run, place) => [run.id, place]));
    this.differing = new Map(comparison.config.differing.map((field) => [field.path, field]));
  }

  /** Config fields that are not the same in all runs. */
  get differingPaths(): string[] {
    return [...this.differing.keys()];
  }

  has(key: string): boolean {
    const { config, last } = this.comparison;
    return key in FACTS || this.differing.has(key) || key in config.common || key in last;
  }

  value(run: number, key: string): Cell {
    const value = this.values(run, key);
    return Array.isArray(value) ? value.join(", ") : value;
  }

  /** Of a run with several tags all of them, else the one value. */
  values(run: number, key: string): Cell | string[] {
    const place = this.places.get(run);
    if (place === undefined) return undefined;
    const fact = FACTS[key];
    if (fact) return fact.of(this.comparison.runs[place] as ComparedRun);
    if (key in this.comparison.last) return this.comparison.last[key]?.[place] ?? undefined;
    return cell(this.config(place, key));
  }

  /** A config's value as it is. */
  config(place: number, path: string): unknown {
    const field = this.differing.get(path);
    if (!field) return this.comparison.config.common[path];
    const at = field.of[place] ?? -1;
    return at < 0 ? undefined : field.values[at];
  }

  number(run: number, key: string): number | undefined {
    const value = this.value(run, key);
    return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  }
}

function cell(value: unknown): Cell {
  const plain =
    value === null || ["number", "string", "boolean", "undefined"].includes(typeof value);
  return plain ? (value as Cell) : JSON.stringify(value);
}

export function labelOf(key: string): string {
  return FACTS[key]?.label ?? key;
}

export function written(value: Cell): string {
  if (value === undefined) return "not set";
  return typeof value === "number" ? formatNumber(value, 6) : String(value);
}

export interface Group {
  label: string;
  value: Cell;
  runs: number[];
}

/** Runs by the value of a field, numbers in their order; a run with two tags is in two groups. */
export function groupsOf(fields: Fields, runs: readonly number[], key: string): Group[] {
  const groups = new Map<string, Group>();
  for (const run of runs) {
    const found = fields.values(run, key);
    for (const value of Array.isArray(found) ? found : [found]) {
      const label = written(value);
      const group = groups.get(label) ?? { label, value, runs: [] };
      group.runs.push(run);
      groups.set(label, group);
    }
  }
  return [...groups.values()].sort(byValue);
}

function byValue(a: Group, b: Group): number {
  if (typeof a.value === "number" && typeof b.value === "number") return a.value - b.value;
  return a.label.localeCompare(b.label, "en", { numeric: true });
}
