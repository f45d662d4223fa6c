import { useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";

const KEY = "theme";
const listeners = new Set<() => void>();
const system = window.matchMedia("(prefers-color-scheme: dark)");
const paper = window.matchMedia("print");

function notify(): void {
  for (const listener of listeners) listener();
}
system.addEventListener("change", notify);
paper.addEventListener("change", notify);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** What the reader chose; the page's head applies it before the first paint. */
export function currentTheme(): Theme {
  const stored = document.documentElement.dataset.theme;
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function setTheme(theme: Theme): void {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem(KEY, theme);
  }
  notify();
}

/** Whether the page is dark now, by choice or by the system's setting; paper never is. */
export function isDark(): boolean {
  if (paper.matches) return false;
  const theme = currentTheme();
  return theme === "system" ? system.matches : theme === "dark";
}

export function useTheme(): Theme {
  return useSyncExternalStore(subscribe, currentTheme);
}

/** Changes when colours do: canvases redraw on it. */
export function useIsDark(): boolean {
  return useSyncExternalStore(subscribe, isDark);
}

/** A token as a colour that a canvas understands: themeColor("--series-1") → "rgb(0, 114, 178)". */
export function themeColor(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
