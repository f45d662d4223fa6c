import { useMemo, useRef } from "react";
import { useShortcuts } from "./shortcuts";

export interface Key {
  keys: string;
  label: string;
  run: () => void;
}

/** Shortcuts of what is on the screen; what they do may change with every render. */
export function useKeys(title: string, keys: readonly Key[]): void {
  const now = useRef(keys);
  now.current = keys;
  const named = JSON.stringify(keys.map(({ keys, label }) => ({ keys, label })));
  const shortcuts = useMemo(
    () =>
      (JSON.parse(named) as Omit<Key, "run">[]).map((key, place) => ({
        ...key,
        run: () => now.current[place]?.run(),
      })),
    [named],
  );
  useShortcuts(title, shortcuts);
}
