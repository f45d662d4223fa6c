import { useEffect, useRef, useState } from "react";
import type { Facts } from "@/live/facts";

/** Nobody reads a page of completions faster than this. */
const FOLLOW_MS = 2_000;

/**
 * The step whose rollouts are shown: the pinned one, else the newest whole step, followed at a pace
 * that one can read.
 */
export function useShownStep(facts: Facts, pinned: number | null): number | null {
  const newest = facts.step > 0 ? facts.step : facts.rolloutsStep || null;
  const followed = usePaced(newest, FOLLOW_MS);
  return pinned ?? followed;
}

/** `value`, changing at most every `ms`; the last change is never lost. */
function usePaced<Value>(value: Value, ms: number): Value {
  const [shown, setShown] = useState(value);
  const changed = useRef(0);
  useEffect(() => {
    if (value === shown) return;
    const wait = Math.max(0, changed.current + ms - performance.now());
    const timer = setTimeout(() => {
      changed.current = performance.now();
      setShown(value);
    }, wait);
    return () => clearTimeout(timer);
  }, [value, shown, ms]);
  return shown;
}
