/** What the list of runs shows, kept in the page's address. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { RunListQuery, RunState } from "@/api/queries";

/** A field or a metric, after "-" where the greatest comes first. */
export type Sort = string;

export interface RunFilters {
  q: string;
  states: RunState[];
  preset: string;
  owner: string;
  tag: string;
  /** Conditions on values, as the server reads them: `reward>=0.5`. */
  where: string[];
  /** Metrics that have a column of their own. */
  columns: string[];
  sort: Sort;
}

/** More would leave no room for the others. */
export const MOST_COLUMNS = 5;

/** A chip stands for one state, or for all in which a run is under way. */
export const STATE_CHIPS: { label: string; states: RunState[] }[] = [
  { label: "Queued", states: ["queued"] },
  { label: "Running", states: ["starting", "running", "stopping"] },
  { label: "Finished", states: ["finished"] },
  { label: "Failed", states: ["failed"] },
  { label: "Stopped", states: ["stopped"] },
  { label: "Lost", states: ["lost"] },
];

const KNOWN_STATES = STATE_CHIPS.flatMap((chip) => chip.states);
const NEWEST_FIRST: Sort = "-created_at";

/** Reads an address; what it does not know it leaves out. */
export function readFilters(params: URLSearchParams): RunFilters {
  return {
    q: params.get("q") ?? "",
    states: KNOWN_STATES.filter((state) => params.getAll("state").includes(state)),
    preset: params.get("preset") ?? "",
    owner: params.get("owner") ?? "",
    tag: params.get("tag") ?? "",
    where: params.getAll("where").filter(isCondition),
    columns: [...new Set(params.getAll("column"))].filter(Boolean).slice(0, MOST_COLUMNS),
    sort: /^-?[^-]/.test(params.get("sort") ?? "") ? (params.get("sort") as Sort) : NEWEST_FIRST,
  };
}

/** The address of these filters; what is not filtered does not stand in it. */
export function writeFilters(filters: RunFilters): URLSearchParams {
  const params = new URLSearchParams();
  for (const key of ["q", "preset", "owner", "tag"] as const) {
    if (filters[key]) params.set(key, filters[key]);
  }
  for (const state of filters.states) params.append("state", state);
  for (const condition of filters.where) params.append("where", condition);
  for (const column of filters.columns) params.append("column", column);
  if (filters.sort !== NEWEST_FIRST) params.set("sort", filters.sort);
  return params;
}

export function isFiltered(filters: RunFilters): boolean {
  return writeFilters({ ...filters, columns: [], sort: NEWEST_FIRST }).size > 0;
}

/** `states` with a chip's states put in, or taken out where they all were in. */
export function toggleStates(states: readonly RunState[], chip: readonly RunState[]): RunState[] {
  const others = states.filter((state) => !chip.includes(state));
  const on = chip.every((state) => states.includes(state));
  return on ? others : [...others, ...chip];
}

/** The next order when a column's head is clicked: texts rise first, numbers fall first. */
export function nextSort(sort: Sort, field: string, first: "rising" | "falling" = "rising"): Sort {
  const falling = `-${field}`;
  if (sort === field) return falling;
  if (sort === falling) return field;
  return first === "rising" ? field : falling;
}

/** Whether the server can read it: a name, a comparison, and a number or null. */
export function isCondition(text: string): boolean {
  const [, sign, value] = text.match(/^[^<>=!]+?(>=|<=|!=|>|<|=)([^<>=!]+)$/) ?? [];
  if (sign === undefined || value === undefined) return false;
  return value === "null"
    ? sign === "=" || sign === "!="
    : Number.isFinite(Number.parseFloat(value));
}

export function toQuery({ states, ...rest }: RunFilters): RunListQuery {
  return { ...rest, state: states };
}

export function useRunFilters(): [RunFilters, (change: Partial<RunFilters>) => void] {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => readFilters(params), [params]);
  const change = useCallback(
    (changes: Partial<RunFilters>) =>
      setParams((before) => writeFilters({ ...readFilters(before), ...changes })),
    [setParams],
  );
  return [filters, change];
}
