import { useEffect, useSyncExternalStore } from "react";

export interface PageTitle {
  title: string;
  parent?: { label: string; href: string };
}

let current: PageTitle = { title: "" };
const listeners = new Set<() => void>();

/** Says where one is: in the top bar and in the browser's tab. */
export function usePageTitle(title: string, parentLabel?: string, parentHref?: string): void {
  useEffect(() => {
    current = {
      title,
      parent: parentLabel && parentHref ? { label: parentLabel, href: parentHref } : undefined,
    };
    document.title = title ? `${title} · r1web` : "r1web";
    for (const listener of listeners) listener();
  }, [title, parentLabel, parentHref]);
}

export function useCurrentTitle(): PageTitle {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
