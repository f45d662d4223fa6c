import { useEffect, useSyncExternalStore } from "react";

export interface Shortcut {
  /** "j", "?", "ArrowLeft"; "Mod+k" is Ctrl or ⌘ with K; "Enter o": either; "": palette only. */
  keys: string;
  label: string;
  run: () => void;
}

export interface ShortcutGroup {
  title: string;
  shortcuts: readonly Shortcut[];
}

let groups: readonly ShortcutGroup[] = [];
const listeners = new Set<() => void>();

function replace(next: readonly ShortcutGroup[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

/** Makes shortcuts work, and stand in the `?` sheet, while the caller is mounted. */
export function useShortcuts(title: string, shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    const group = { title, shortcuts };
    replace([...groups, group]);
    return () => replace(groups.filter((other) => other !== group));
  }, [title, shortcuts]);
}

/** All shortcuts that work now. */
export function useShortcutGroups(): readonly ShortcutGroup[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => groups,
  );
}

/** Runs the shortcut of a key press; the newest group wins. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const name = keysOf(event);
  if (!name.startsWith("Mod+") && isBusy(event.target, name)) return;
  const found = groups
    .toReversed()
    .flatMap((group) => group.shortcuts)
    .find((shortcut) => shortcut.keys.split(" ").includes(name));
  if (!found) return;
  event.preventDefault();
  found.run();
}

function keysOf(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.altKey) return `Alt+${key}`;
  return event.ctrlKey || event.metaKey ? `Mod+${key}` : key;
}

/** Somebody types, a dialog or menu has the keys, or Enter is meant for what has the focus. */
function isBusy(target: EventTarget | null, key: string): boolean {
  if (document.querySelector("dialog[open], [role=menu]:popover-open")) return true;
  if (!(target instanceof HTMLElement)) return false;
  const typing = target.matches("input:not([type=checkbox]), textarea, select");
  return typing || (key === "Enter" && target.matches("a, button, summary, input"));
}

/** "Mod+k" → "Ctrl K", or "⌘ K" on a Mac; "ArrowLeft" → "←". */
export function keyLabel(keys: string): string {
  if (keys.length === 1) return keys;
  const mod = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";
  const names: Record<string, string> = {
    Mod: mod,
    ArrowLeft: "←",
    ArrowRight: "→",
    Escape: "Esc",
  };
  return keys
    .split("+")
    .map((key) => names[key] ?? (keys.includes("+") ? key.toUpperCase() : key))
    .join(" ");
}
