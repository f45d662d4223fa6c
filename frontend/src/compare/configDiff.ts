/** What differs between the configs of runs, against a baseline. */

import type { Fields } from "./fields";

export interface DiffRow {
  path: string;
  /** Of each run in order, as TOML and JSON write it; null: not set. */
  values: (string | null)[];
  /** Which of them are not the baseline's. */
  changed: boolean[];
  /** How many of them that are. */
  count: number;
}

/** Only fields that differ among the shown runs; those that differ most often come first. */
export function configDiff(fields: Fields, runs: readonly number[], baseline: number): DiffRow[] {
  const places = new Map(fields.comparison.runs.map((run, place) => [run.id, place]));
  const written = (run: number, path: string) => {
    const value = fields.config(places.get(run) ?? -1, path);
    return value === undefined ? null : JSON.stringify(value);
  };
  const rows = fields.differingPaths.map((path) => {
    const base = written(baseline, path);
    const values = runs.map((run) => written(run, path));
    const changed = values.map((value) => value !== base);
    return { path, values, changed, count: changed.filter(Boolean).length };
  });
  return rows
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count || a.path.localeCompare(b.path));
}
