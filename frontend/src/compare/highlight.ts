/** The line that stands out on the whole page: what the mouse or the focus is on. */

import { useSyncExternalStore } from "react";

export class Highlight {
  private label: string | null = null;
  private readonly listeners = new Set<() => void>();
  private frame = 0;

  readonly get = (): string | null => this.label;

  readonly set = (label: string | null): void => {
    if (label === this.label) return;
    this.label = label;
    // A mouse may cross many lines between two frames, and each is drawn by every chart.
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      for (const listener of this.listeners) listener();
    });
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

export function useHighlighted(highlight: Highlight): string | null {
  return useSyncExternalStore(highlight.subscribe, highlight.get);
}
