import { keyLabel, type ShortcutGroup } from "./shortcuts";
import { signOut } from "./signOut";
import { setTheme } from "./theme";

export interface Command {
  id: string;
  label: string;
  /** What it is: «page», «action», or a run's state. */
  kind: string;
  run: () => void;
}

export function pageCommands(navigate: (path: string) => void): Command[] {
  const page = (path: string, label: string): Command => ({
    id: path,
    label,
    kind: "page",
    run: () => navigate(path),
  });
  const action = (id: string, label: string, run: () => void): Command => ({
    id,
    label,
    kind: "action",
    run,
  });
  return [
    page("/", "Runs"),
    page("/compare", "Compare runs"),
    page("/cost", "Cost against quality"),
    page("/cost/reference", "What others paid"),
    page("/cost/prices", "Prices"),
    page("/new", "New run"),
    page("/queue", "Queue"),
    page("/nodes", "Nodes"),
    page("/presets", "Presets"),
    page("/projects", "Projects"),
    page("/deleted", "Recently deleted runs"),
    action("light", "Light theme", () => setTheme("light")),
    action("dark", "Dark theme", () => setTheme("dark")),
    action("system", "Theme as the system", () => setTheme("system")),
    action("signout", "Sign out", signOut),
  ];
}

/** What the page one is on can do, by the keys that do it; no page twice. */
export function shortcutCommands(
  groups: readonly ShortcutGroup[],
  others: readonly Command[],
): Command[] {
  const known = new Set(others.map(({ label }) => label));
  return groups
    .toReversed()
    .flatMap(({ title, shortcuts }) =>
      shortcuts.map(({ keys, label, run }) => ({
        id: `${title} ${label}`,
        label: title === "Everywhere" ? label : `${title}: ${label}`,
        kind: keys ? keys.split(" ").map(keyLabel).join(" or ") : "action",
        run,
      })),
    )
    .filter(({ label }) => !known.has(label));
}

/** The commands whose label holds every word of `text`; those that begin with it first. */
export function matching(commands: readonly Command[], text: string): Command[] {
  const whole = text.trim().toLowerCase();
  const words = whole.split(/\s+/);
  const isFirst = ({ label }: Command) => label.toLowerCase().startsWith(whole);
  const found = commands.filter(({ label }) =>
    words.every((word) => label.toLowerCase().includes(word)),
  );
  return [...found.filter(isFirst), ...found.filter((command) => !isFirst(command))];
}
