/** The curves of the page's runs, followed while some of them are under way. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { RunRow } from "@/api/queries";
import { connect } from "@/live/socket";
import { CurveStore } from "./curveStore";
import type { Comparison } from "./fields";
import { COMPARISON, fetchCurves, STATISTICS } from "./queries";

/** News of many runs come together: one question for all of them. */
const GATHER_MS = 1_000;
const NUMBERS_MS = 5_000;

export function useCurves(shown: readonly number[]): CurveStore {
  const store = useMemo(() => new CurveStore(fetchCurves), []);
  const key = shown.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the runs
  useEffect(() => store.show(shown), [store, key]);
  useEffect(() => {
    store.start();
    return () => store.stop();
  }, [store]);
  useSyncExternalStore(store.subscribe, store.getVersion);
  return store;
}

type ListMessage = { type: "runs"; runs: RunRow[] } | { type: "ping" } | { type: "hello" };
type Known = Pick<RunRow, "state" | "step">;

/** Takes in what the stream of the list of runs says of these. */
export function useLiveComparison(store: CurveStore, comparison: Comparison | undefined): void {
  const client = useQueryClient();
  const key = comparison?.runs.map((run) => run.id).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what runs are now comes by the stream
  const known = useMemo(
    () => new Map<number, Known>(comparison?.runs.map((run) => [run.id, run])),
    [key],
  );
  useEffect(() => {
    if (known.size === 0) return;
    const news = new News(store, known, () => {
      void client.invalidateQueries({ queryKey: [COMPARISON] });
      void client.invalidateQueries({ queryKey: [STATISTICS] });
    });
    const connection = connect("/ws/runs", {
      onMessage: (message) => {
        const given = message as ListMessage;
        if (given.type === "runs") news.take(given.runs);
      },
    });
    return () => {
      connection.close();
      news.stop();
    };
  }, [client, store, known]);
}

/** What has come since the last look, gathered. */
class News {
  private further = new Set<number>();
  private anew = new Set<number>();
  private curves: ReturnType<typeof setTimeout> | undefined;
  private numbers: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly store: CurveStore,
    private readonly known: Map<number, Known>,
    private readonly refresh: () => void,
  ) {}

  take(rows: readonly RunRow[]): void {
    for (const row of rows) {
      const before = this.known.get(row.id);
      if (!before) continue;
      const goesOn = row.state === before.state && row.step >= before.step;
      (goesOn ? this.further : this.anew).add(row.id);
      this.known.set(row.id, row);
    }
    if (this.further.size + this.anew.size === 0) return;
    this.curves ??= setTimeout(() => void this.ask(), GATHER_MS);
    this.numbers ??= setTimeout(() => {
      this.numbers = undefined;
      this.refresh();
    }, NUMBERS_MS);
  }

  stop(): void {
    clearTimeout(this.curves);
    clearTimeout(this.numbers);
  }

  private async ask(): Promise<void> {
    const [anew, further] = [[...this.anew], [...this.further]];
    this.anew = new Set();
    this.further = new Set();
    this.store.reload(anew);
    try {
      await this.store.advance(further.filter((run) => !anew.includes(run)));
    } catch {
      this.store.reload(further); // asked for again until it is there
    } finally {
      this.curves = undefined;
    }
  }
}
