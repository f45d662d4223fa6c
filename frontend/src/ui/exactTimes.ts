/** Whether the reader sees exact times or how long ago they were; kept in this browser. */

import { useSyncExternalStore } from "react";

const KEY = "exact-times";
const listeners = new Set<() => void>();

function areExact(): boolean {
  return localStorage.getItem(KEY) === "1";
}

export function toggleExactTimes(): void {
  if (areExact()) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, "1");
  for (const listener of listeners) listener();
}

export function useExactTimes(): boolean {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, areExact);
}
