/** Alerts and rules: what is asked of the server, and what it is asked to do. */

import {
  keepPreviousData,
  type QueryClient,
  useInfiniteQuery,
  useQuery,
} from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";
import { type Alert, FOLLOWED_MS, keys } from "@/api/queries";
import type { Facts } from "@/live/facts";

/** The rules of one run, or those that a project's new runs begin with. */
export type RuleScope = { run: number } | { project: string };

/** Changes of state clear alerts and rules, too. */
const versionOf = (facts: Facts | null) =>
  facts ? `${facts.alertsVersion} ${facts.stateVersion}` : "";

/** A run's stream says when to ask again; a project is asked now and then. */
const pace = (scope: RuleScope, every_ms: number) =>
  "run" in scope ? { staleTime: FOLLOWED_MS } : { refetchInterval: every_ms };

const MOST_COUNTED = 100;

/** Those that nobody has acknowledged, at most a hundred. */
export function useNewAlerts(runId: number, facts: Facts | null) {
  return useQuery({
    queryKey: [...keys.alerts(runId), "new", versionOf(facts)],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/runs/{run_id}/alerts", {
          params: { path: { run_id: runId }, query: { acknowledged: false, limit: MOST_COUNTED } },
        }),
      ),
    select: (list) => list.items,
    enabled: facts !== null,
    placeholderData: keepPreviousData,
    staleTime: FOLLOWED_MS,
  });
}

/** Newest first; a project's from all its runs, asked for again now and then. */
export function useAlerts(scope: RuleScope, facts: Facts | null) {
  return useInfiniteQuery({
    queryKey: [...alertKey(scope), "all", versionOf(facts)],
    queryFn: ({ pageParam }) => unwrap(fetchAlerts(scope, pageParam)),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    select: (data) => data.pages.flatMap((page) => page.items),
    placeholderData: keepPreviousData,
    ...pace(scope, 15_000),
  });
}

const alertKey = (scope: RuleScope) =>
  "run" in scope ? keys.alerts(scope.run) : keys.projectAlerts(scope.project);

function fetchAlerts(scope: RuleScope, cursor: string | null) {
  return "run" in scope
    ? api.GET("/api/v1/runs/{run_id}/alerts", {
        params: { path: { run_id: scope.run }, query: { cursor } },
      })
    : api.GET("/api/v1/projects/{slug}/alerts", {
        params: { path: { slug: scope.project }, query: { cursor } },
      });
}

function refreshAlerts(client: QueryClient, alert: Alert): void {
  if (alert.run !== null) void client.invalidateQueries({ queryKey: keys.alerts(alert.run) });
  void client.invalidateQueries({ queryKey: keys.projects });
}

export function useAcknowledge() {
  return useAction(
    ({ id }: { id: number }) =>
      unwrap(
        api.POST("/api/v1/alerts/{alert_id}/acknowledge", { params: { path: { alert_id: id } } }),
      ),
    refreshAlerts,
  );
}

export function useRules(scope: RuleScope, facts: Facts | null) {
  return useQuery({
    queryKey: [...keys.alertRules, scope, versionOf(facts)],
    queryFn: () => unwrap(fetchRules(scope)),
    select: (list) => list.items,
    placeholderData: keepPreviousData,
    ...pace(scope, 30_000),
  });
}

function fetchRules(scope: RuleScope) {
  return "run" in scope
    ? api.GET("/api/v1/runs/{run_id}/alert-rules", { params: { path: { run_id: scope.run } } })
    : api.GET("/api/v1/projects/{slug}/alert-rules", { params: { path: { slug: scope.project } } });
}

const refresh = (client: { invalidateQueries: (of: { queryKey: readonly string[] }) => unknown }) =>
  void client.invalidateQueries({ queryKey: keys.alertRules });

export function useAddRule(scope: RuleScope) {
  return useAction(
    (body: Schemas["RuleIn"]) =>
      unwrap(
        "run" in scope
          ? api.POST("/api/v1/runs/{run_id}/alert-rules", {
              params: { path: { run_id: scope.run } },
              body,
            })
          : api.POST("/api/v1/projects/{slug}/alert-rules", {
              params: { path: { slug: scope.project } },
              body,
            }),
      ),
    refresh,
  );
}

export function useEditRule() {
  return useAction(
    ({ id, ...body }: { id: number } & Schemas["RulePatch"]) =>
      unwrap(
        api.PATCH("/api/v1/alert-rules/{rule_id}", { params: { path: { rule_id: id } }, body }),
      ),
    refresh,
  );
}

export function useDeleteRule() {
  return useAction(
    ({ id }: { id: number }) =>
      unwrap(api.DELETE("/api/v1/alert-rules/{rule_id}", { params: { path: { rule_id: id } } })),
    refresh,
  );
}
