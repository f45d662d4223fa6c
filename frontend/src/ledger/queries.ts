/** What is booked, what it costs, and what it would. */

import { keepPreviousData, useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";
import { FOLLOWED_MS, keys } from "@/api/queries";
import type { paths } from "@/api/schema.gen";

export type Sum = Schemas["SumOut"];
export type Entry = Schemas["EntryOut"];
export type Forecast = Schemas["ForecastOut"];
export type WhatIf = Schemas["WhatIfOut"];
export type Published = Schemas["PublishedOut"];
export type Price = Schemas["PriceOut"];
export type Point = Schemas["PointOut"];
export type Plane = Schemas["FrontierOut"];
export type PlaneQuery = NonNullable<
  paths["/api/v1/ledger/frontier"]["get"]["parameters"]["query"]
>;

const PRICES = ["ledger", "prices"];
const ofRun = (id: number) => ({ params: { path: { run_id: id } } });

/** What is booked of the run's devices; while it holds some, asked again. */
export function useLedger(runId: number, version: number, ended: boolean) {
  return useQuery({
    queryKey: [...keys.run(runId), "ledger", version],
    queryFn: () => unwrap(api.GET("/api/v1/runs/{run_id}/ledger", ofRun(runId))),
    placeholderData: keepPreviousData,
    staleTime: FOLLOWED_MS,
    refetchInterval: ended ? false : FOLLOWED_MS,
  });
}

export function useForecast(runId: number, enabled = true) {
  return useQuery({
    enabled,
    queryKey: [...keys.run(runId), "forecast"],
    queryFn: () => unwrap(api.GET("/api/v1/runs/{run_id}/forecast", ofRun(runId))),
    staleTime: FOLLOWED_MS,
    refetchInterval: FOLLOWED_MS,
  });
}

/** A question, though it is sent like a change. */
export function useWhatIf(runId: number) {
  return useMutation({
    mutationFn: (body: Schemas["WhatIfIn"]) =>
      unwrap(api.POST("/api/v1/runs/{run_id}/what-if", { ...ofRun(runId), body })),
  });
}

/** Sums over whole UTC days, from `since` on; null: all of them. */
export function useProjectLedger(slug: string, since: string | null) {
  return useQuery({
    queryKey: [...keys.projects, slug, "ledger", since],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/projects/{slug}/ledger", {
          params: { path: { slug }, query: { since } },
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  });
}

export function useReference() {
  return useQuery({
    queryKey: ["ledger", "reference"],
    queryFn: () => unwrap(api.GET("/api/v1/ledger/reference")),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The last one added first; for staff. */
export function usePrices(enabled: boolean) {
  return useInfiniteQuery({
    queryKey: PRICES,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/ledger/prices", { params: { query: { cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    select: (data) => data.pages.flatMap((page) => page.items),
    enabled,
  });
}

/** What runs cost, everywhere, may be another sum then. */
export function useAddPrice() {
  return useAction(
    (body: Schemas["PriceIn"]) => unwrap(api.POST("/api/v1/ledger/prices", { body })),
    (client) => void client.invalidateQueries(),
  );
}

export function usePlane(query: PlaneQuery) {
  return useQuery({
    queryKey: ["ledger", "frontier", query],
    queryFn: () => unwrap(api.GET("/api/v1/ledger/frontier", { params: { query } })),
    placeholderData: keepPreviousData,
  });
}
