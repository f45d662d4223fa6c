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

/** The commands whose label holds every word of `text`. */
export function matching(commands: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/);
  return commands.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
}
