import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { FOLLOWED_MS } from "@/api/queries";
import { NameSet } from "./names";
import { RunStore, type RunView } from "./runStore";
import { RestAndSocket } from "./transport";

/** People do not read faster; charts and battery thank for it. */
const REDRAW_MS = 100;

interface Kept {
  store: RunStore;
  readers: number;
  running: boolean;
  leaving?: ReturnType<typeof setTimeout>;
}

/** Runs that somebody looks at, or did a moment ago: who comes back finds all as it was. */
const kept = new Map<number, Kept>();

/** Follows a run, and these series of it, while the caller is mounted and a moment longer. */
export function useRunStore(runId: number, series: readonly string[]): RunStore {
  const client = useQueryClient();
  const one = useMemo(() => keptOf(runId, series, client), [runId, series, client]);
  useEffect(() => enter(runId, one), [runId, one]);
  return one.store;
}

function keptOf(runId: number, series: readonly string[], client: QueryClient): Kept {
  const before = kept.get(runId);
  if (before) return before;
  const store = new RunStore(new RestAndSocket(runId, client), new NameSet(series));
  return { store, readers: 0, running: false };
}

/** Starts it for the first reader; after the last one it stays for a moment. */
function enter(runId: number, one: Kept): () => void {
  kept.set(runId, one);
  clearTimeout(one.leaving);
  one.readers += 1;
  if (!one.running) void one.store.start();
  one.running = true;
  return () => {
    one.readers -= 1;
    // What never came is asked for anew by the next reader.
    const stays = one.store.getView().facts ? FOLLOWED_MS : 0;
    if (one.readers === 0) one.leaving = setTimeout(() => leave(runId, one), stays);
  };
}

function leave(runId: number, one: Kept): void {
  one.store.stop();
  one.running = false;
  if (kept.get(runId) === one) kept.delete(runId);
}

/** What the store knows now; changes at most ten times a second, in step with the screen. */
export function useRunView(store: RunStore): RunView {
  const subscribe = useCallback(
    (listener: () => void) => throttled(store.subscribe, listener),
    [store],
  );
  return useSyncExternalStore(subscribe, store.getView);
}

/** Subscribes so that `listener` hears of many changes once, and never misses the last. */
function throttled(
  subscribe: (listener: () => void) => () => void,
  listener: () => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let last = 0;
  const run = () => {
    timer = undefined;
    frame = requestAnimationFrame(() => {
      last = performance.now();
      listener();
    });
  };
  const stop = subscribe(() => {
    timer ??= setTimeout(run, Math.max(0, last + REDRAW_MS - performance.now()));
  });
  return () => {
    stop();
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
