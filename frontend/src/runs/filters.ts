/** What the list of runs shows, kept in the page's address. */

import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import type { RunListQuery, RunState } from "@/api/queries";

export type Sort = NonNullable<RunListQuery["sort"]>;

export interface RunFilters {
  q: string;
  states: RunState[];
  preset: string;
  owner: string;
  tag: string;
  sort: Sort;
}

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
const SORTS: Sort[] = [
  "-created_at",
  "created_at",
  "name",
  "-name",
  "state",
  "-state",
  "last_step",
  "-last_step",
];
const NEWEST_FIRST: Sort = "-created_at";

/** Reads an address; what it does not know it leaves out. */
export function readFilters(params: URLSearchParams): RunFilters {
  const sort = params.get("sort") as Sort;
  return {
    q: params.get("q") ?? "",
    states: KNOWN_STATES.filter((state) => params.getAll("state").includes(state)),
    preset: params.get("preset") ?? "",
    owner: params.get("owner") ?? "",
    tag: params.get("tag") ?? "",
    sort: SORTS.includes(sort) ? sort : NEWEST_FIRST,
  };
}

/** The address of these filters; what is not filtered does not stand in it. */
export function writeFilters(filters: RunFilters): URLSearchParams {
  const params = new URLSearchParams();
  for (const key of ["q", "preset", "owner", "tag"] as const) {
    if (filters[key]) params.set(key, filters[key]);
  }
  for (const state of filters.states) params.append("state", state);
  if (filters.sort !== NEWEST_FIRST) params.set("sort", filters.sort);
  return params;
}

export function isFiltered(filters: RunFilters): boolean {
  return writeFilters({ ...filters, sort: NEWEST_FIRST }).size > 0;
}

/** `states` with a chip's states put in, or taken out where they all were in. */
export function toggleStates(states: readonly RunState[], chip: readonly RunState[]): RunState[] {
  const others = states.filter((state) => !chip.includes(state));
  const on = chip.every((state) => states.includes(state));
  return on ? others : [...others, ...chip];
}

/** The next order when a column's head is clicked: rising, falling, rising … */
export function nextSort(sort: Sort, field: string): Sort {
  return (sort === field ? `-${field}` : field) as Sort;
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
