/** Every question the pages ask the server, and the keys under which answers are kept. */

import { keepPreviousData, queryOptions, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "./client";
import type { paths } from "./schema.gen";

export type RunRow = Schemas["RunRow"];
export type RunDetail = Schemas["RunDetail"];
export type RunList = Schemas["RunList"];
export type Project = Schemas["ProjectOverview"];
export type Target = Schemas["TargetOut"];
export type Delivery = Schemas["DeliveryOut"];
export type DeletedRun = Schemas["DeletedRun"];
export type Checkpoint = Schemas["CheckpointOut"];
export type Alert = Schemas["AlertOut"];
export type AlertRule = Schemas["RuleOut"];
export type Preset = Schemas["PresetOut"];
export type QueuedRun = Schemas["QueuedRunOut"];
export type ResumingRun = Schemas["ResumingRunOut"];
export type Queue = Schemas["QueueOut"];
export type Node = Schemas["NodeOut"];
export type Me = Schemas["Me"];
export type Stages = Schemas["StagesOut"];
export type Stage = Schemas["StageOut"];
export type Results = Schemas["ResultsOut"];

export type RunState = Schemas["State"];
export type RunListQuery = NonNullable<paths["/api/v1/runs"]["get"]["parameters"]["query"]>;

export const keys = {
  me: ["me"],
  health: ["health"],
  runs: ["runs"],
  runColumns: ["runs", "columns"],
  runList: (filters: RunListQuery) => ["runs", "list", filters],
  run: (id: number) => ["runs", id],
  models: (id: number) => ["runs", id, "models"],
  checkpoints: (id: number) => ["runs", id, "checkpoints"],
  alerts: (id: number) => ["runs", id, "alerts"],
  alertRules: ["alert-rules"],
  deleted: ["deleted"],
  projects: ["projects"],
  projectAlerts: (slug: string) => ["projects", slug, "alerts"],
  targets: (slug: string) => ["projects", slug, "targets"],
  deliveries: (slug: string) => ["projects", slug, "deliveries"],
  sizes: (slug: string) => ["projects", slug, "sizes"],
  presets: ["presets"],
  configSchema: ["config-schema"],
  nodes: ["nodes"],
  queue: ["queue"],
} as const;

export function useMe() {
  return useQuery({
    queryKey: keys.me,
    queryFn: () => unwrap(api.GET("/api/v1/me")),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The parts of the installation; an answer of 503 says which is missing. */
export function useHealth() {
  return useQuery({
    queryKey: keys.health,
    queryFn: async () => {
      const { data, error } = await api.GET("/api/v1/health/ready");
      return (data ?? error) as Schemas["Ready"];
    },
    refetchInterval: 10_000,
  });
}

const PAGE = 100;

export function useRunList(filters: RunListQuery) {
  return useInfiniteQuery({
    queryKey: keys.runList(filters),
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/api/v1/runs", {
          params: { query: { ...filters, limit: PAGE, cursor: pageParam } },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    // The stream tells the fields of a run, but not the metrics that this list shows besides.
    refetchInterval: (query) =>
      filters.columns?.length && query.state.data?.pages.some(isUnderWay) ? COLUMNS_MS : false,
  });
}

const COLUMNS_MS = 10_000;
const isUnderWay = (page: RunList) => page.items.some((run) => run.state === "running");

/** Metrics by which the list can be sorted and filtered. */
export function useRunColumns() {
  return useQuery({
    queryKey: keys.runColumns,
    queryFn: () => unwrap(api.GET("/api/v1/runs/columns")),
    select: (list) => list.items,
  });
}

/**
 * How long what a run's page was told counts as fresh, in milliseconds: the run's stream says sooner
 * when it is not, and goes on as long after the page was left.
 */
export const FOLLOWED_MS = 30_000;

export const runQuery = (id: number) =>
  queryOptions({
    queryKey: keys.run(id),
    queryFn: () => unwrap(api.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id } } })),
    staleTime: FOLLOWED_MS,
  });

export function useRun(id: number | null) {
  return useQuery({ ...runQuery(id ?? 0), enabled: id !== null });
}

/** Newest first, deleted ones left out. */
export function useCheckpoints(id: number | null) {
  return useQuery({
    queryKey: keys.checkpoints(id ?? 0),
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/checkpoints", { params: { path: { run_id: id ?? 0 } } }),
      ),
    select: (list) => list.items.filter((checkpoint) => !checkpoint.deleted_at),
    staleTime: FOLLOWED_MS,
    enabled: id !== null,
  });
}

/** What a run is started from when nobody says. */
export const FIRST_PRESET = "r1-zero-nano";

export function usePresets() {
  return useQuery({
    queryKey: keys.presets,
    queryFn: () => unwrap(api.GET("/api/v1/presets")),
    select: (list) => list.items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useConfigSchema() {
  return useQuery({
    queryKey: keys.configSchema,
    queryFn: () => unwrap(api.GET("/api/v1/config-schema")),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useNodes() {
  return useQuery({
    queryKey: keys.nodes,
    queryFn: () => unwrap(api.GET("/api/v1/nodes")),
    select: (list) => list.items,
    refetchInterval: 5_000,
  });
}

/** Each page is a plan of its own to the server: of more of them, each is asked for as often. */
export function useQueue() {
  return useInfiniteQuery({
    queryKey: keys.queue,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/queue", { params: { query: { limit: PAGE, cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    select: ({ pages }) => wholeQueue(pages),
    refetchInterval: ({ state }) => 5_000 * (state.data?.pages.length ?? 1),
  });
}

/** As of the newest page; a run that moved between two answers may be in both. */
function wholeQueue(pages: readonly Queue[]): Queue {
  const runs = new Map(pages.flatMap((page) => page.items).map((run) => [run.run, run]));
  const newest = pages.at(-1) as Queue; // data begins with a first page
  return { ...newest, items: [...runs.values()] };
}
