import {
  Boxes,
  ChartSpline,
  FolderKanban,
  ListOrdered,
  ListTree,
  Server,
  UserCog,
} from "lucide-react";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { useMe } from "@/api/queries";
import { toggleExactTimes } from "@/ui/exactTimes";
import { CommandPalette } from "./CommandPalette";
import { HealthDot } from "./HealthDot";
import styles from "./Shell.module.css";
import { ShortcutSheet } from "./ShortcutSheet";
import { handleKey, useShortcuts } from "./shortcuts";
import { TopBar } from "./TopBar";

const PAGES = [
  { href: "/", label: "Runs", icon: ListTree },
  { href: "/compare", label: "Compare", icon: ChartSpline },
  { href: "/queue", label: "Queue", icon: ListOrdered },
  { href: "/nodes", label: "Nodes", icon: Server },
  { href: "/projects", label: "Projects", icon: FolderKanban },
  { href: "/presets", label: "Presets", icon: Boxes },
];

/** The frame around every page: the bar of pages, the top bar, the keys that work anywhere. */
export function Shell({ children }: { children: ReactNode }) {
  const [palette, setPalette] = useState(false);
  const [sheet, setSheet] = useState(false);
  useGlobalShortcuts(setPalette, setSheet);
  return (
    <div className={styles.shell}>
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <NavBar />
      <div className={styles.column}>
        <TopBar onPalette={() => setPalette(true)} onShortcuts={() => setSheet(true)} />
        <main id="content" tabIndex={-1} className={styles.content}>
          {children}
        </main>
      </div>
      {palette && <CommandPalette onClose={() => setPalette(false)} />}
      {sheet && <ShortcutSheet onClose={() => setSheet(false)} />}
    </div>
  );
}

function NavBar() {
  const [location] = useLocation();
  const me = useMe();
  return (
    <nav aria-label="Pages" className={styles.nav}>
      <Link href="/" className={styles.brand}>
        r1web
      </Link>
      {PAGES.map(({ href, label, icon: Icon }) => (
        <Link
          key={href}
          href={href}
          className={styles.page}
          aria-current={isHere(location, href) ? "page" : undefined}
        >
          <Icon size={16} aria-hidden />
          {label}
        </Link>
      ))}
      {me.data?.is_staff && (
        <a href="/admin/" className={styles.page}>
          <UserCog size={16} aria-hidden />
          Admin
        </a>
      )}
      <HealthDot />
    </nav>
  );
}

function isHere(location: string, href: string): boolean {
  if (href === "/") return location === "/" || /^\/(runs|deleted)(\/|$)/.test(location);
  if (href === "/compare" && /^\/cost(\/|$)/.test(location)) return true;
  if (href === "/projects" && location.startsWith("/notes/")) return true;
  return location === href || location.startsWith(`${href}/`);
}

function useGlobalShortcuts(
  setPalette: (open: boolean) => void,
  setSheet: (open: boolean) => void,
): void {
  const [, navigate] = useLocation();
  const shortcuts = useMemo(
    () => [
      { keys: "Mod+k", label: "Command palette", run: () => setPalette(true) },
      { keys: "/", label: "Search runs", run: focusSearch },
      { keys: "n", label: "New run", run: () => navigate("/new") },
      { keys: "t", label: "Exact times, or how long ago", run: toggleExactTimes },
      { keys: "?", label: "Keyboard shortcuts", run: () => setSheet(true) },
    ],
    [navigate, setPalette, setSheet],
  );
  useShortcuts("Everywhere", shortcuts);
  useEffect(() => {
    window.addEventListener("keydown", handleKey);
    return () => window.removeEventListener("keydown", handleKey);
  }, []);
}

function focusSearch(): void {
  document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
}
