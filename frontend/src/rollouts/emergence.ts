/** The charts of how completions change: their specifications, and their series from columns. */

import type { ChartSpec } from "@/charts/catalogue";
import { movement } from "@/charts/evidence";
import type { SeriesSnapshot } from "@/live/series";
import { formatNumber, formatPercent } from "@/ui/format";
import type { Emergence } from "./queries";

const COLUMNS = [
  "length",
  "truncated",
  "reflective",
  "reflections",
  "mixed",
  "other_script",
  "solved",
  "prompts",
  "prompts_solved",
  "newly_solved",
] as const;

const percent = (value: number) => formatPercent(value, value > 0 && value < 0.1 ? 1 : 0);
const whole = (value: number) => formatNumber(value, 0);
const one = (value: number) => formatNumber(value, 1);

/** Each column as a series; a step of which nothing is known has no point. */
export function seriesOf(found: Emergence, prefix = "emergence"): SeriesSnapshot[] {
  return COLUMNS.map((name) => {
    const values: readonly (number | null)[] = found[name];
    const known = found.steps.flatMap((step, place) => {
      const value = values[place];
      return value === null || value === undefined ? [] : [{ step, value }];
    });
    return {
      name: `${prefix}/${name}`,
      steps: known.map(({ step }) => step),
      times: known.map(() => 0),
      values: known.map(({ value }) => value),
    };
  });
}

interface Line {
  column: (typeof COLUMNS)[number];
  label: string;
  colour: number;
}

function chart(
  id: string,
  title: string,
  help: string,
  lines: Line[],
  format: ChartSpec["format"],
  range: ChartSpec["range"] = [0, null],
): ChartSpec {
  const [first] = lines;
  return {
    id,
    title,
    help,
    lines: lines.map(({ column, ...line }) => ({ series: `emergence/${column}`, ...line })),
    range,
    format,
    read: (run) => movement(run, `emergence/${first?.column}`, format),
  };
}

export const EMERGENCE_CHARTS: ChartSpec[] = [
  chart(
    "emergence-length",
    "Length",
    "Mean length of a completion, in tokens.",
    [{ column: "length", label: "tokens", colour: 1 }],
    one,
  ),
  chart(
    "emergence-solved",
    "Solved",
    "Share of completions that solve their prompt, and of those that were cut off.",
    [
      { column: "solved", label: "solved", colour: 3 },
      { column: "truncated", label: "cut off", colour: 2 },
    ],
    percent,
    [0, 1],
  ),
  chart(
    "emergence-reflection",
    "Reflective words",
    "How many reflective words stand in a completion, on average.",
    [{ column: "reflections", label: "words", colour: 7 }],
    (value) => formatNumber(value, 2),
  ),
  chart(
    "emergence-reflective",
    "Completions that reflect",
    "Share of completions with a reflective word.",
    [{ column: "reflective", label: "share", colour: 7 }],
    percent,
    [0, 1],
  ),
  chart(
    "emergence-mixing",
    "Language mixing",
    "Share of completions with letters of other scripts than the prompt's, and share of such letters.",
    [
      { column: "mixed", label: "completions", colour: 4 },
      { column: "other_script", label: "letters", colour: 5 },
    ],
    percent,
  ),
  chart(
    "emergence-first",
    "Prompts solved at least once",
    "Different prompts solved by then, and tried by then.",
    [
      { column: "prompts_solved", label: "solved", colour: 3 },
      { column: "prompts", label: "tried", colour: 8 },
    ],
    whole,
  ),
  chart(
    "emergence-new",
    "First solved",
    "Prompts that were solved at this step for the first time.",
    [{ column: "newly_solved", label: "prompts", colour: 6 }],
    whole,
  ),
];

/** Colours that lines can be told apart by. */
export const MOST_LEVELS = 8;

/** Share solved of each level of difficulty. */
export function difficultyChart(levels: readonly number[]): ChartSpec {
  return {
    id: "emergence-difficulty",
    title: "Solved, by difficulty",
    help: "Share of completions that solve their prompt, for each level of difficulty.",
    lines: levels.map((level, place) => ({
      series: `difficulty ${level}/solved`,
      label: formatNumber(level),
      colour: place + 1,
    })),
    range: [0, 1],
    format: percent,
  };
}

/** "wait, hmm" → the words; none means the usual ones. */
export function wordList(text: string): string[] {
  return [...new Set(text.split(",").map((word) => word.trim()))].filter(Boolean).slice(0, 50);
}
