import { useEffect, useMemo, useRef, useState } from "react";
import type { Facts } from "@/live/facts";

/** Nobody reads a page of completions faster than this. */
const FOLLOW_MS = 2_000;

export interface ShownStep {
  /** null: the newest that the server has. */
  step: number | null;
  /** Changes while groups of that step are still coming in. */
  groups: number;
}

/** The step whose rollouts are shown: the pinned one, else the newest at a pace one can read. */
export function useShownStep(facts: Facts, pinned: number | null): ShownStep {
  const { rolloutsStep, rolloutsGroups } = facts;
  const newest = useMemo(
    () => ({ step: rolloutsStep || null, groups: rolloutsGroups }),
    [rolloutsStep, rolloutsGroups],
  );
  const followed = usePaced(newest, FOLLOW_MS);
  if (pinned === null) return followed;
  return { step: pinned, groups: pinned === newest.step ? newest.groups : 0 };
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
