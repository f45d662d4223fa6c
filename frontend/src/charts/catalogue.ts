/** The charts of a run, in the order in which an expert asks. */

import { formatBytes, formatCompact, formatFixed, formatNumber, formatPercent } from "@/ui/format";
import type { Evidence, Reading } from "./evidence";
import * as read from "./readings";
import { formatOf, helpOf } from "./seriesHelp";

export interface LineSpec {
  series: string;
  label: string;
  /** Number of the colour token, --series-1 and on. */
  colour: number;
  /** Where colours are not enough to tell lines apart. */
  dash?: number[];
}

export interface ChartSpec {
  id: string;
  title: string;
  /** What the number is, for the title's tooltip and the table. */
  help: string;
  lines: LineSpec[];
  /** Shaded around the first line: two series, or one that is added and subtracted. */
  band?: { low: string; high: string } | { spread: string };
  /** The lines are parts of a whole, laid on each other. */
  stacked?: boolean;
  /** Few points, each drawn as a dot and never smoothed. */
  sparse?: boolean;
  /** Counted in bytes: the axis is divided by powers of two. */
  bytes?: boolean;
  /** Takes the whole width. */
  wide?: boolean;
  /** Ends of the vertical axis; null leaves one to the data. */
  range: [number | null, number | null];
  format: (value: number) => string;
  read?: (run: Evidence) => Reading;
}

/** Every series that a chart is made of. */
export function seriesOfChart(spec: ChartSpec): string[] {
  return [...spec.lines.map((line) => line.series), ...Object.values(spec.band ?? {})];
}

/** Whole percents, but for small shares. */
const percent = (value: number) => formatPercent(value, value > 0 && value < 0.1 ? 1 : 0);
const two = (value: number) => formatFixed(value, 2);
const seconds = (value: number) => `${formatNumber(value, 2)} s`;

const STEP_PARTS: LineSpec[] = [
  { series: "time/logprobs_s", label: "log-probabilities", colour: 6 },
  { series: "time/update_s", label: "update", colour: 3 },
  { series: "time/write_s", label: "writing", colour: 8 },
  { series: "time/evaluate_s", label: "evaluation", colour: 4 },
];

const TIME: ChartSpec = {
  id: "time",
  title: "Time by phase",
  help: "Where the seconds of a step go.",
  lines: [
    { series: "time/rollout_s", label: "sampling", colour: 1 },
    { series: "time/reward_s", label: "reward", colour: 5 },
    ...STEP_PARTS,
  ],
  stacked: true,
  wide: true,
  range: [0, null],
  format: seconds,
  read: read.readTime,
};

/** Where sampling goes on beside training, only waiting for it is part of a step. */
const TIME_AHEAD: ChartSpec = {
  ...TIME,
  lines: [{ series: "time/wait_s", label: "waiting for rollouts", colour: 1 }, ...STEP_PARTS],
};

/**
 * The charts of a run that has series of these names.
 *
 * A dense model has no experts; and a run's charts stand in the order in which an expert asks.
 */
export function runCharts(names: readonly string[]): ChartSpec[] {
  const trains = names.includes("reward/mean");
  const dense = trains && !names.some((name) => name.startsWith("moe/"));
  const ahead = names.includes("time/wait_s");
  return RUN_CHARTS.filter(({ id }) => !(dense && id === "experts")).map((spec) =>
    ahead && spec === TIME ? TIME_AHEAD : spec,
  );
}

/** Which of the charts take a whole row: those that want to, and those that stood alone in one. */
export function wideOnes(specs: readonly ChartSpec[]): Set<ChartSpec> {
  const wide = new Set(specs.filter((spec) => spec.wide));
  let left: ChartSpec | null = null;
  for (const spec of specs) {
    if (!spec.wide) left = left ? null : spec;
    else if (left) {
      wide.add(left);
      left = null;
    }
  }
  return left ? wide.add(left) : wide;
}

export const RUN_CHARTS: ChartSpec[] = [
  {
    id: "reward",
    title: "Reward",
    help: "Mean reward of a step's completions, ± one standard deviation, and its parts.",
    lines: [
      { series: "reward/mean", label: "mean", colour: 1 },
      { series: "reward/accuracy", label: "accuracy", colour: 3 },
      { series: "reward/format", label: "format", colour: 4 },
    ],
    band: { spread: "reward/std" },
    wide: true,
    range: [0, null],
    format: two,
    read: read.readReward,
  },
  {
    id: "held-out",
    title: "Held-out pass@1",
    help: "Share of held-out problems solved at the first try, with its 95 % interval.",
    lines: [{ series: "eval/pass_at_1", label: "pass@1", colour: 3 }],
    band: { low: "eval/pass_at_1_low", high: "eval/pass_at_1_high" },
    sparse: true,
    wide: true,
    range: [0, 1],
    format: two,
    read: read.readHeldOut,
  },
  {
    id: "length",
    title: "Completion length",
    help: "Mean length of a completion, in tokens.",
    lines: [{ series: "completion/length_mean", label: "tokens", colour: 1 }],
    range: [0, null],
    format: (value) => formatNumber(value, 1),
    read: read.readLength,
  },
  {
    id: "truncated",
    title: "Truncated",
    help: "Share of completions cut off at max_new_tokens.",
    lines: [{ series: "completion/truncated", label: "share", colour: 2 }],
    range: [0, null],
    format: percent,
    read: read.readTruncated,
  },
  {
    id: "format",
    title: "Format",
    help: "Share of completions that keep the format of reasoning and answer.",
    lines: [{ series: "reward/format", label: "share", colour: 4 }],
    range: [0, 1],
    format: percent,
    read: read.readFormat,
  },
  {
    id: "kl",
    title: "KL to reference",
    help: "Mean k3 estimate of the KL divergence to the reference policy, in nats a token.",
    lines: [{ series: "kl/mean", label: "nats", colour: 1 }],
    range: [0, null],
    format: formatNumber,
    read: read.readKl,
  },
  {
    id: "entropy",
    title: "Entropy",
    help: "Mean entropy of the policy over sampled tokens, in nats.",
    lines: [{ series: "entropy/mean", label: "nats", colour: 7 }],
    range: [0, null],
    format: two,
    read: read.readEntropy,
  },
  {
    id: "clip",
    title: "Clip fraction",
    help: "Share of tokens whose ratio was clipped.",
    lines: [{ series: "clip/fraction", label: "share", colour: 5 }],
    range: [0, null],
    format: (value) => formatPercent(value),
    read: read.readClip,
  },
  {
    id: "gradient",
    title: "Gradient norm",
    help: "Global norm of the gradient before clipping.",
    lines: [{ series: "optim/grad_norm", label: "norm", colour: 1 }],
    range: [0, null],
    format: formatNumber,
    read: read.readGradient,
  },
  {
    id: "loss",
    title: "Loss",
    help: "GRPO's surrogate loss, KL included. Its size says little; NaN says much.",
    lines: [{ series: "optim/loss", label: "loss", colour: 8 }],
    range: [null, null],
    format: formatNumber,
    read: read.readLoss,
  },
  {
    id: "flat",
    title: "Flat groups",
    help: "Share of groups in which every completion got the same reward: they teach nothing.",
    lines: [
      { series: "groups/flat", label: "flat", colour: 8 },
      { series: "groups/solved_all", label: "all right", colour: 3 },
      { series: "groups/solved_none", label: "all wrong", colour: 2 },
    ],
    range: [0, 1],
    format: percent,
    read: read.readFlat,
  },
  {
    id: "experts",
    title: "Expert load",
    help: "Tokens at the busiest expert over the mean; 1 is even.",
    lines: [{ series: "moe/load_max_over_mean", label: "max ÷ mean", colour: 4 }],
    range: [1, null],
    format: two,
    read: read.readExperts,
  },
  {
    id: "speed",
    title: "Tokens per second",
    help: "Tokens sampled in a second, over all processes.",
    lines: [{ series: "perf/tokens_per_s", label: "tokens/s", colour: 6 }],
    range: [0, null],
    format: formatCompact,
    read: read.readSpeed,
  },
  TIME,
];

const OTHERS = new Map<string, ChartSpec>();

/**
 * The chart of a series that has none in the catalogue.
 *
 * The same object each time: a chart is drawn anew when its specification is another.
 */
export function seriesChart(name: string): ChartSpec {
  const known = OTHERS.get(name);
  if (known) return known;
  const spec: ChartSpec = {
    id: name,
    title: name,
    help: helpOf(name),
    lines: [{ series: name, label: "value", colour: 1 }],
    range: [null, null],
    sparse: name.startsWith("eval/"),
    format: formatOf(name),
  };
  OTHERS.set(name, spec);
  return spec;
}

/** What a run's page holds from the start: what its headline charts draw and read. */
export const HEADLINE_SERIES: readonly string[] = [
  ...new Set([...[...RUN_CHARTS, TIME_AHEAD].flatMap(seriesOfChart), ...read.READ_BESIDE]),
];

/** Drawn over time: a machine knows no steps. */
export const SYSTEM_CHARTS: ChartSpec[] = [
  {
    id: "cpu",
    title: "CPU",
    help: "Processor time of the run's processes; 100 % is one core.",
    lines: [{ series: "system/cpu_percent", label: "CPU", colour: 1 }],
    range: [0, null],
    format: (value) => `${formatNumber(value, 0)} %`,
  },
  {
    id: "memory",
    title: "Memory",
    help: "Memory of the run's processes.",
    lines: [{ series: "system/memory_bytes", label: "memory", colour: 3 }],
    bytes: true,
    range: [0, null],
    format: formatBytes,
  },
];
