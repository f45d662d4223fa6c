/** One line under each chart's title that reads this run: small rules, in an expert's order. */

import {
  formatCompact,
  formatDuration,
  formatFixed,
  formatNumber,
  formatPercent,
} from "@/ui/format";

/** What the rules look at. */
export interface Evidence {
  /** Steps and values of a series, gaps included; empty when there is none. */
  series(name: string): { steps: ArrayLike<number>; values: ArrayLike<number> };
  config: {
    max_new_tokens: number;
    /** Longest completion from some step on; null when it stays as it is. */
    growth: { from_step: number; max_new_tokens: number } | null;
    /** Whether each step trains on what its own policy wrote. */
    on_policy: boolean;
    format_weight: number;
    kl_coef: number;
    evaluation_every: number;
  };
}

/** Series that rules look at and no headline chart draws. */
export const READ_BESIDE = [
  "tokens/total",
  "time/step_s",
  "moe/dead_experts",
  "optim/skipped_total",
];

/** Points at the end of a series that count as «now». */
const NOW = 10;
const WINDOW_STEPS = 50;
const WAITING = "no points yet";

interface Spread {
  mean: number;
  /** Standard error of the mean. */
  error: number;
  count: number;
}

interface Trend {
  change: number;
  steps: number;
  /** Larger than the noise of its two ends. */
  real: boolean;
}

/** How far the newest points lie from those 50 steps back (or from the first ones). */
export function trend(steps: ArrayLike<number>, values: ArrayLike<number>): Trend | null {
  const end = steps.length;
  if (end < 6) return null;
  const width = Math.min(NOW, Math.floor(end / 2));
  const from = (steps[end - 1] as number) - WINDOW_STEPS;
  let start = 0;
  while (start < end - 2 * width && (steps[start] as number) < from) start += 1;
  const before = spread(values, start, start + width);
  const after = spread(values, end - width, end);
  if (before.count === 0 || after.count === 0) return null;
  const change = after.mean - before.mean;
  return {
    change,
    steps: (steps[end - 1] as number) - (steps[start] as number),
    real: Math.abs(change) > 2 * Math.hypot(before.error, after.error) + 1e-12,
  };
}

function spread(values: ArrayLike<number>, from: number, to: number): Spread {
  const some = Array.from(values).slice(from, to).filter(Number.isFinite);
  const count = some.length;
  const mean = some.reduce((sum, value) => sum + value, 0) / count;
  const squares = some.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, count, error: count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0 };
}

/** Mean of the newest points; NaN when there are none. */
function now(run: Evidence, name: string): number {
  const { values } = run.series(name);
  return spread(values, Math.max(0, values.length - NOW), values.length).mean;
}

function newest(run: Evidence, name: string): number {
  const { values } = run.series(name);
  return values.length > 0 ? (values[values.length - 1] as number) : Number.NaN;
}

function movement(run: Evidence, name: string, format: (change: number) => string): string {
  const { steps, values } = run.series(name);
  if (values.length === 0) return WAITING;
  const moved = trend(steps, values);
  if (!moved) return "first points";
  if (!moved.real) return `steady over the last ${moved.steps} steps`;
  const direction = moved.change > 0 ? "rising, +" : "falling, −";
  return `${direction}${format(Math.abs(moved.change))} over the last ${moved.steps} steps`;
}

/** The step of the newest NaN in the last points, if any. */
function brokenAt(run: Evidence, name: string): number | null {
  const { steps, values } = run.series(name);
  for (let index = values.length - 1; index >= Math.max(0, values.length - NOW); index--) {
    if (Number.isNaN(values[index])) return steps[index] as number;
  }
  return null;
}

export function readReward(run: Evidence): string {
  const moved = movement(run, "reward/mean", (change) => formatFixed(change, 2));
  const form = run.config.format_weight > 0 ? now(run, "reward/format") : 1;
  return form < 0.5 ? `${moved}; only ${formatPercent(form, 0)} keep the format` : moved;
}

export function readHeldOut(run: Evidence): string {
  if (run.config.evaluation_every === 0) return "evaluation is switched off in the config";
  const { values } = run.series("eval/pass_at_1");
  if (values.length === 0) return "waiting for the first evaluation";
  const last = newest(run, "eval/pass_at_1");
  if (values.length === 1) return `${formatFixed(last, 2)} before training`;
  const change = last - (values[0] as number);
  const sign = change < 0 ? "−" : "+";
  return `${formatFixed(last, 2)}, ${sign}${formatFixed(Math.abs(change), 2)} since the start`;
}

export function readLength(run: Evidence): string {
  return movement(run, "completion/length_mean", (change) => `${formatNumber(change, 1)} tokens`);
}

export function readTruncated(run: Evidence): string {
  const share = now(run, "completion/truncated");
  if (Number.isNaN(share)) return WAITING;
  if (share > 0.2) return `${formatPercent(share, 0)} truncated: raise ${limitNow(run)}`;
  return share < 0.01 ? "nearly all end by themselves" : `${formatPercent(share, 0)} hit the limit`;
}

/** The field that limits the newest completions, with its value. */
function limitNow({ config, series }: Evidence): string {
  const { steps } = series("completion/truncated");
  const newest = steps[steps.length - 1] ?? 0;
  return config.growth && newest >= config.growth.from_step
    ? `growth.max_new_tokens (${config.growth.max_new_tokens})`
    : `max_new_tokens (${config.max_new_tokens})`;
}

export function readKl(run: Evidence): string {
  if (run.config.kl_coef === 0) return "kl_coef is 0: nothing holds the policy to the reference";
  const kl = now(run, "kl/mean");
  if (Number.isNaN(kl)) return WAITING;
  if (kl > 1) return "far from the reference: lower learning_rate";
  return movement(run, "kl/mean", (change) => `${formatNumber(change)} nats`);
}

export function readEntropy(run: Evidence): string {
  const entropy = now(run, "entropy/mean");
  if (entropy < 0.02) return "near 0: the policy hardly explores any more";
  return movement(run, "entropy/mean", (change) => `${formatNumber(change)} nats`);
}

export function readFlat(run: Evidence): string {
  const flat = now(run, "groups/flat");
  if (Number.isNaN(flat)) return WAITING;
  const share = `${formatPercent(flat, 0)} of groups are flat`;
  if (flat <= 0.5) return flat < 0.1 ? "nearly every group teaches something" : share;
  const easy = now(run, "groups/solved_all") >= now(run, "groups/solved_none");
  return `${share}: the task is too ${easy ? "easy" : "hard"}`;
}

export function readClip(run: Evidence): string {
  const share = now(run, "clip/fraction");
  if (Number.isNaN(share)) return WAITING;
  if (share < 1e-6 && run.config.on_policy) return "0 is right here: every step is on-policy";
  if (share > 0.3) return `${formatPercent(share, 0)} of tokens clipped: the updates are too large`;
  return `${formatPercent(share)} of tokens clipped`;
}

export function readGradient(run: Evidence): string {
  const broken = brokenAt(run, "optim/grad_norm");
  if (broken !== null) return `not a number at step ${broken}: that update was skipped`;
  const { steps, values } = run.series("optim/grad_norm");
  if (values.length === 0) return WAITING;
  const usual = median(values);
  for (let index = values.length - 1; index >= Math.max(0, values.length - WINDOW_STEPS); index--) {
    const times = (values[index] as number) / usual;
    if (times > 8) return `spike at step ${steps[index]}, ${formatNumber(times, 0)} × the median`;
  }
  return `steady around ${formatNumber(usual, 2)}`;
}

export function readLoss(run: Evidence): string {
  const broken = brokenAt(run, "optim/loss");
  if (broken !== null) return `not a number at step ${broken}`;
  return Number.isNaN(now(run, "optim/loss")) ? WAITING : "near 0 is normal: its size says little";
}

export function readExperts(run: Evidence): string {
  const load = now(run, "moe/load_max_over_mean");
  if (Number.isNaN(load)) return WAITING;
  const busiest = `the busiest expert gets ${formatFixed(load, 1)} × its share`;
  return load > 3 ? `${busiest}: routing is lopsided` : busiest;
}

export function readSpeed(run: Evidence): string {
  const { values } = run.series("perf/tokens_per_s");
  if (values.length === 0) return WAITING;
  return `median ${formatCompact(median(values))} tokens/s`;
}

export function readTime(run: Evidence): string {
  const step = now(run, "time/step_s");
  const wait = now(run, "time/wait_s");
  const rollout = now(run, "time/rollout_s");
  if (Number.isNaN(step)) return WAITING;
  const whole = step < 60 ? `${formatFixed(step, 2)} s` : formatDuration(step);
  if (!Number.isNaN(wait))
    return `${whole} a step, ${formatPercent(wait / step, 0)} of it waiting for rollouts`;
  return Number.isNaN(rollout)
    ? `${whole} a step`
    : `${whole} a step, ${formatPercent(rollout / step, 0)} of it sampling`;
}

/** Median of the finite values; NaN when there are none. */
function median(values: ArrayLike<number>): number {
  const sorted = Array.from(values)
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
