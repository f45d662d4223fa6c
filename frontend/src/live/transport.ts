/** The browser's way to a run's data: REST for snapshots and gaps, a WebSocket for the rest. */

import type { QueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { runQuery } from "@/api/queries";
import type { RunEvent } from "./messages";
import type { RunSnapshot, RunTransport } from "./runStore";
import { type Connection, connect, type SocketOptions } from "./socket";

/** A chart is hardly wider in pixels; buckets keep their extremes, and a zoom asks for more. */
const SNAPSHOT_POINTS = 1_000;
const EVENTS_AT_ONCE = 1_000;

export class RestAndSocket implements RunTransport {
  constructor(
    private readonly runId: number,
    private readonly client: QueryClient,
  ) {}

  /** The answer of the run is the one that its page waits for as well. */
  async snapshot(names: readonly string[]): Promise<RunSnapshot> {
    const run = await this.client.fetchQuery({ ...runQuery(this.runId), staleTime: 0 });
    return { run, metrics: await this.metrics(names) };
  }

  metrics(names: readonly string[]): Promise<RunSnapshot["metrics"]> {
    return unwrap(
      api.GET("/api/v1/runs/{run_id}/metrics", {
        params: {
          path: { run_id: this.runId },
          query: { names: names.join(","), max_points: SNAPSHOT_POINTS },
        },
      }),
    );
  }

  async eventsAfter(seq: number): Promise<RunEvent[]> {
    const answer = await unwrap(
      api.GET("/api/v1/runs/{run_id}/events", {
        params: { path: { run_id: this.runId }, query: { after_seq: seq, limit: EVENTS_AT_ONCE } },
      }),
    );
    // The journal's records, of which OpenAPI knows the envelope; messages.ts has their payloads.
    return answer.items as RunEvent[];
  }

  connect(options: SocketOptions): Connection {
    return connect(`/ws/runs/${this.runId}`, options);
  }
}
