import { useCallback, useEffect, useMemo, useSyncExternalStore } from "react";
import { NameSet } from "./names";
import { RunStore, type RunView } from "./runStore";
import { RestAndSocket } from "./transport";

/** People do not read faster; charts and battery thank for it. */
const REDRAW_MS = 100;

/** Follows a run, and these series of it, as long as the caller is mounted. */
export function useRunStore(runId: number, series: readonly string[]): RunStore {
  const store = useMemo(
    () => new RunStore(new RestAndSocket(runId), new NameSet(series)),
    [runId, series],
  );
  useEffect(() => {
    void store.start();
    return () => store.stop();
  }, [store]);
  return store;
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
