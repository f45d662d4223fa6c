/** What the address says, so that it can be shared: models, question and how it is drawn. */

export interface Settings {
  left: string;
  /** "" for one model alone. */
  right: string;
  mode: "text" | "problem";
  question: string;
  /** Number of a held-out problem. */
  problem: number;
  temperature: number;
  seed: number;
  /** null: as long as the run's own completions may be. */
  maxTokens: number | null;
}

export function settingsOf(search: string, newest: string): Settings {
  const given = new URLSearchParams(search);
  const maxTokens = number(given.get("max"), 0, 1, 100_000, true);
  return {
    left: given.get("left") ?? "base",
    right: given.get("right") ?? newest,
    mode: given.get("mode") === "text" ? "text" : "problem",
    question: given.get("question") ?? "",
    problem: number(given.get("problem"), 0, 0, 999, true),
    temperature: number(given.get("temperature"), 1, 0, 10),
    seed: number(given.get("seed"), 0, 0, Number.MAX_SAFE_INTEGER, true),
    maxTokens: maxTokens || null,
  };
}

export function searchOf(settings: Settings): string {
  const search = new URLSearchParams({
    left: settings.left,
    right: settings.right,
    mode: settings.mode,
    temperature: String(settings.temperature),
    seed: String(settings.seed),
  });
  if (settings.mode === "text") search.set("question", settings.question);
  else search.set("problem", String(settings.problem));
  if (settings.maxTokens !== null) search.set("max", String(settings.maxTokens));
  return search.toString();
}

function number(
  text: string | null,
  otherwise: number,
  low: number,
  high: number,
  whole = false,
): number {
  const value = text === null || text.trim() === "" ? Number.NaN : Number(text);
  const fits = value >= low && value <= high && (!whole || Number.isInteger(value));
  return fits ? value : otherwise;
}
