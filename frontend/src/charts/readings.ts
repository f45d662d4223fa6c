/** One line under each chart's title that reads this run: small rules, in an expert's order. */

import {
  formatCompact,
  formatDuration,
  formatFixed,
  formatNumber,
  formatPercent,
} from "@/ui/format";
import {
  atFirst,
  brokenAt,
  countOf,
  type Evidence,
  fine,
  growth,
  median,
  movement,
  newest,
  now,
  type Reading,
  trendOf,
  WAITING,
  WINDOW_STEPS,
  wrong,
} from "./evidence";

/** Series that rules look at and no headline chart draws. */
export const READ_BESIDE = [
  "tokens/total",
  "time/step_s",
  "moe/dead_experts",
  "optim/skipped_total",
];

// Is it learning?

export function readReward(run: Evidence): Reading {
  const moved = movement(run, "reward/mean", (change) => formatFixed(change, 2));
  const broken = brokenAt(run, "reward/mean");
  if (broken !== null) return wrong(`not a number at step ${broken}: look at its parts`);
  const form = run.config.format_weight > 0 ? now(run, "reward/format") : 1;
  if (form < 0.5) return wrong(`${moved.text}; only ${formatPercent(form, 0)} keep the format`);
  const { steps } = run.series("reward/mean");
  if (steps.length >= 20 && now(run, "reward/mean") === 0 && now(run, "reward/std") === 0)
    return wrong("0 for every completion: an easier task, or larger groups");
  const fall = trendOf(run, "reward/mean");
  return fall?.real && fall.change < -0.2 * Math.abs(fall.before)
    ? wrong(`${moved.text}: see KL and entropy, then lower learning_rate`)
    : moved;
}

export function readHeldOut(run: Evidence): Reading {
  if (run.config.evaluation_every === 0) return fine("evaluation is switched off in the config");
  const { steps, values } = run.series("eval/pass_at_1");
  if (values.length === 0) return fine("waiting for the first evaluation");
  const last = newest(run, "eval/pass_at_1");
  if (!Number.isFinite(last)) return wrong("the newest evaluation gave no number: see the log");
  if (values.length === 1) return fine(`${formatFixed(last, 2)} before training`);
  const best = bestOf(values);
  const change = last - (Array.from(values).find(Number.isFinite) ?? last);
  const sign = change < 0 ? "−" : "+";
  const moved = `${formatFixed(last, 2)}, ${sign}${formatFixed(Math.abs(change), 2)} since the start`;
  if (!isBelow(run, best)) return fine(moved);
  if (best === 0) return wrong(`${moved}: worse than before training`);
  const peak = `best was ${formatFixed(values[best] as number, 2)} at step ${steps[best]}`;
  return wrong(`${formatFixed(last, 2)}, ${peak}: stop, or go back to that checkpoint`);
}

/** Index of the greatest finite value, of the first of them. */
function bestOf(values: ArrayLike<number>): number {
  const finite = Array.from(values, (value) => (Number.isFinite(value) ? value : -1));
  return finite.indexOf(Math.max(...finite));
}

/** Whether the newest score lies below that one even with both intervals at their ends. */
function isBelow(run: Evidence, then: number): boolean {
  const { values: lows } = run.series("eval/pass_at_1_low");
  return newest(run, "eval/pass_at_1_high") < (lows[then] ?? Number.NaN);
}

// Is it honest?

export function readLength(run: Evidence): Reading {
  const name = "completion/length_mean";
  const moved = movement(run, name, (change) => `${formatNumber(change, 1)} tokens`);
  const [first, last] = [atFirst(run, name), now(run, name)];
  if (last < first / 3)
    return wrong(`fell to ${formatNumber(last, 0)} from ${formatNumber(first, 0)}: less reasoning`);
  const { field, tokens } = limitNow(run);
  return tokens > 0 && last > 0.9 * tokens
    ? wrong(`${formatNumber(last, 0)} of at most ${tokens} tokens: raise ${field}`)
    : moved;
}

export function readTruncated(run: Evidence): Reading {
  const share = now(run, "completion/truncated");
  if (Number.isNaN(share)) return WAITING;
  const { field, tokens } = limitNow(run);
  if (share > 0.2) return wrong(`${formatPercent(share, 0)} truncated: raise ${field} (${tokens})`);
  return fine(
    share < 0.01 ? "nearly all end by themselves" : `${formatPercent(share, 0)} hit the limit`,
  );
}

/** The field that limits the newest completions, and its value. */
function limitNow({ config, series }: Evidence): { field: string; tokens: number } {
  const { steps } = series("completion/truncated");
  const last = steps[steps.length - 1] ?? 0;
  return config.growth && last >= config.growth.from_step
    ? { field: "growth.max_new_tokens", tokens: config.growth.max_new_tokens }
    : { field: "max_new_tokens", tokens: config.max_new_tokens };
}

export function readFormat(run: Evidence): Reading {
  const share = now(run, "reward/format");
  if (Number.isNaN(share)) return WAITING;
  const kept = `${formatPercent(share, 0)} keep the format`;
  if (run.config.format_weight === 0) return fine(`${kept}; it is not rewarded`);
  const moved = trendOf(run, "reward/format");
  if (moved?.real && moved.change < -0.1) return wrong(`${kept}, and fewer than before`);
  if (share >= 0.5) return fine(share > 0.98 ? "nearly all keep the format" : kept);
  return moved?.real && moved.change > 0
    ? fine(`${kept}, and more than before`)
    : wrong(`${kept}: raise reward.format, or start from a model that knows it`);
}

// Is it stable?

export function readKl(run: Evidence): Reading {
  if (run.config.kl_coef === 0)
    return fine("kl_coef is 0: nothing holds the policy to the reference");
  const broken = brokenAt(run, "kl/mean");
  if (broken !== null) return wrong(`not finite at step ${broken}: lower learning_rate`);
  const kl = now(run, "kl/mean");
  if (Number.isNaN(kl)) return WAITING;
  if (kl > 1) return wrong("far from the reference: lower learning_rate");
  const moved = trendOf(run, "kl/mean");
  if (moved?.real && moved.after > 0.1 && moved.after > 3 * moved.before)
    return wrong(
      `grew ${growth(moved.after, moved.before)} in ${moved.steps} steps: raise kl_coef`,
    );
  return movement(run, "kl/mean", (change) => `${formatNumber(change)} nats`);
}

export function readEntropy(run: Evidence): Reading {
  const name = "entropy/mean";
  const [first, entropy] = [atFirst(run, name), now(run, name)];
  if (entropy < 0.02) return wrong("near 0: the policy hardly explores any more");
  if (entropy > 2 * first && entropy > 1)
    return wrong(`grew ${growth(entropy, first)} since the start: drifting into noise`);
  return movement(run, name, (change) => `${formatNumber(change)} nats`);
}

export function readClip(run: Evidence): Reading {
  const share = now(run, "clip/fraction");
  if (Number.isNaN(share)) return WAITING;
  if (share < 1e-6 && run.config.on_policy) return fine("0 is right here: every step is on-policy");
  if (share > 0.3)
    return wrong(`${formatPercent(share, 0)} of tokens clipped: the updates are too large`);
  return fine(`${formatPercent(share)} of tokens clipped`);
}

export function readGradient(run: Evidence): Reading {
  const broken = brokenAt(run, "optim/grad_norm");
  if (broken !== null) return wrong(`not a number at step ${broken}: that update was skipped`);
  const { steps, values } = run.series("optim/grad_norm");
  const usual = median(values);
  if (Number.isNaN(usual)) return WAITING;
  for (let index = values.length - 1; index >= Math.max(0, values.length - WINDOW_STEPS); index--) {
    const times = (values[index] as number) / usual;
    if (times > 8 && Number.isFinite(times))
      return wrong(`spike at step ${steps[index]}, ${formatNumber(times, 0)} × the median`);
  }
  const skipped = countOf(run, "optim/skipped_total");
  const steady = `steady around ${formatNumber(usual, 2)}`;
  return fine(
    skipped > 0 ? `${steady}; ${formatNumber(skipped, 0)} updates skipped so far` : steady,
  );
}

export function readLoss(run: Evidence): Reading {
  const broken = brokenAt(run, "optim/loss");
  if (broken !== null) return wrong(`not a number at step ${broken}`);
  if (Number.isNaN(now(run, "optim/loss"))) return WAITING;
  return fine("near 0 is normal: its size says little");
}

// Is there signal?

export function readFlat(run: Evidence): Reading {
  const flat = now(run, "groups/flat");
  if (Number.isNaN(flat)) return WAITING;
  const whole = flat > 0.98 ? "all groups flat" : `${formatPercent(flat, 0)} of groups are flat`;
  if (flat <= 0.5) return fine(flat < 0.1 ? "nearly every group teaches something" : whole);
  const [all, none] = [now(run, "groups/solved_all"), now(run, "groups/solved_none")];
  if (Number.isNaN(all) || Number.isNaN(none)) return wrong(`${whole}: too easy or too hard`);
  return wrong(`${whole}: the task is too ${all >= none ? "easy" : "hard"}`);
}

// Is the model healthy?

export function readExperts(run: Evidence): Reading {
  const load = now(run, "moe/load_max_over_mean");
  if (Number.isNaN(load)) return WAITING;
  const dead = countOf(run, "moe/dead_experts");
  if (dead >= 1 && Number.isFinite(dead))
    return wrong(`${formatNumber(dead, 0)} experts get no token at all`);
  const busiest = `the busiest expert gets ${formatFixed(load, 1)} × its share`;
  return load > 3 ? wrong(`${busiest}: routing is lopsided`) : fine(busiest);
}

// Is it fast?

export function readSpeed(run: Evidence): Reading {
  const { values } = run.series("perf/tokens_per_s");
  const usual = median(values);
  if (Number.isNaN(usual)) return WAITING;
  const speed = now(run, "perf/tokens_per_s");
  return values.length >= 20 && speed < 0.6 * usual
    ? wrong(`${formatCompact(speed)} tokens/s, the median is ${formatCompact(usual)}: see System`)
    : fine(`median ${formatCompact(usual)} tokens/s`);
}

export function readTime(run: Evidence): Reading {
  const step = now(run, "time/step_s");
  const wait = now(run, "time/wait_s");
  const rollout = now(run, "time/rollout_s");
  if (Number.isNaN(step) || step <= 0) return WAITING;
  const whole = `${step < 60 ? `${formatFixed(step, 2)} s` : formatDuration(step)} a step`;
  if (wait / step > 0.3)
    return wrong(`${whole}, ${formatPercent(wait / step, 0)} of it waiting: sampling is too slow`);
  if (!Number.isNaN(wait))
    return fine(`${whole}, ${formatPercent(wait / step, 0)} of it waiting for rollouts`);
  return fine(
    Number.isNaN(rollout) ? whole : `${whole}, ${formatPercent(rollout / step, 0)} of it sampling`,
  );
}
