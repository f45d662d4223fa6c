/** The charts of how completions change: their specifications, and their series from columns. */

import type { ChartSpec } from "@/charts/catalogue";
import { movement } from "@/charts/evidence";
import type { SeriesSnapshot } from "@/live/series";
import { formatNumber, formatPercent } from "@/ui/format";
import type { ByDifficulty, Emergence } from "./queries";

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

const EVER = "ever";

/** Each column as a series, and the share of the prompts solved by then. */
export function seriesOf(found: Emergence): SeriesSnapshot[] {
  const { steps, prompts, prompts_solved } = found;
  const ever = prompts_solved.map((solved, place) => solved / (prompts[place] as number));
  return [
    ...COLUMNS.map((name) => snapshot(`emergence/${name}`, steps, found[name])),
    snapshot(`emergence/${EVER}`, steps, ever),
  ];
}

/** The share solved of each level of difficulty, in the middle of each range of steps. */
export function difficultySeries({ steps, difficulties, solved }: ByDifficulty): SeriesSnapshot[] {
  const middles = steps.map(({ low, high }) => Math.floor((low + high) / 2));
  return difficulties.map((_, level) => snapshot(levelName(level), middles, solved[level] ?? []));
}

const levelName = (level: number) => `difficulty/${level}`;

/** A step of which nothing is known has no point. */
function snapshot(
  name: string,
  steps: readonly number[],
  values: readonly (number | null)[],
): SeriesSnapshot {
  const known = steps.flatMap((step, place) => {
    const value = values[place];
    return value === null || value === undefined ? [] : [{ step, value }];
  });
  return {
    name,
    steps: known.map(({ step }) => step),
    times: known.map(() => 0),
    values: known.map(({ value }) => value),
  };
}

interface Line {
  column: (typeof COLUMNS)[number] | typeof EVER;
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
    "emergence-ever",
    "Share of prompts ever solved",
    "Of the different prompts tried by then, the share that was solved at least once.",
    [{ column: EVER, label: "ever solved", colour: 3 }],
    percent,
    [0, 1],
  ),
  chart(
    "emergence-new",
    "First solved",
    "Prompts that were solved at this step for the first time.",
    [{ column: "newly_solved", label: "prompts", colour: 6 }],
    whole,
  ),
];

const HUES = 8;
/** Of the levels that come after the hues are used up. */
const DASH = [6, 4];

/** Share solved of each level of difficulty. */
export function difficultyChart(levels: ByDifficulty["difficulties"]): ChartSpec {
  return {
    id: "emergence-difficulty",
    title: "Solved, by difficulty",
    help: "Share of completions that solve their prompt, for each level of difficulty.",
    lines: levels.map((level, place) => ({
      series: levelName(place),
      label: levelWords(level),
      colour: (place % HUES) + 1,
      ...(place >= HUES && { dash: DASH }),
    })),
    range: [0, 1],
    format: percent,
    wide: true,
  };
}

/** A difficulty, or the range that stands for many. */
function levelWords(level: ByDifficulty["difficulties"][number]): string {
  if (!level) return "not known";
  const { low, high } = level;
  return low === high ? formatNumber(low) : `${formatNumber(low)}–${formatNumber(high)}`;
}

/** "wait, hmm" → the words; none means the usual ones. */
export function wordList(text: string): string[] {
  return [...new Set(text.split(",").map((word) => word.trim()))].filter(Boolean).slice(0, 50);
}
