/** What each series of a run means, and what it looks like when all is well. */

import { formatNumber, formatPercent } from "@/ui/format";

export interface SeriesHelp {
  /** A name, or how names begin and end: `*` stands for anything. */
  name: string;
  help: string;
}

/** Of several that fit, the first counts. The names are the trainer's: docs/training.md. */
export const SERIES_HELP: readonly SeriesHelp[] = [
  {
    name: "reward/mean",
    help: "Mean weighted reward of the step. Healthy: rises, then levels off.",
  },
  {
    name: "reward/std",
    help: "Spread of the weighted reward. Healthy: above 0; at 0 nothing is left to compare.",
  },
  {
    name: "reward/group_max_mean",
    help: "Mean over groups of the best reward. Healthy: above the mean: there is something to learn from.",
  },
  {
    name: "reward/errors",
    help: "Reward parts that could not be computed. Healthy: 0; the log names the reason.",
  },
  {
    name: "reward/timeouts",
    help: "Reward parts that took too long. Healthy: 0; else raise reward.timeout_s or mend the reward.",
  },
  {
    name: "reward/*_std",
    help: "Spread of one raw reward over the completions it was computed for. Healthy: above 0 while it is being learnt.",
  },
  {
    name: "reward/*",
    help: "Mean of one raw reward, before its weight. Healthy: rises with the total, not against it.",
  },
  {
    name: "groups/flat",
    help: "Share of groups whose completions all have the same reward: they teach nothing. Healthy: well below a half.",
  },
  {
    name: "groups/solved_all",
    help: "Share of groups in which every completion is right. Near 1 the task has become too easy.",
  },
  {
    name: "groups/solved_none",
    help: "Share of groups without a right completion. Near 1 the task is too hard.",
  },
  {
    name: "groups/dropped",
    help: "Flat groups in whose place others were sampled. Healthy: few; many make sampling expensive.",
  },
  {
    name: "completion/length_mean",
    help: "Mean length in tokens. Healthy: changes slowly; grows where longer thinking pays.",
  },
  {
    name: "completion/length_min",
    help: "Shortest completion of the step, in tokens. A fall to 1 or 2 means empty answers.",
  },
  {
    name: "completion/length_max",
    help: "Longest completion of the step, in tokens. Healthy: below the limit most of the time.",
  },
  {
    name: "completion/ended_length_*",
    help: "Length of the completions that ended by themselves, in tokens. Healthy: near the length of all.",
  },
  {
    name: "completion/truncated",
    help: "Share of completions cut off at the limit. Healthy: below 10 %; else raise sampling.max_new_tokens.",
  },
  {
    name: "kl/mean",
    help: "k3 estimate of the KL divergence to the reference, nats a token. Healthy: small, rising slowly; a jump means collapse.",
  },
  {
    name: "entropy/mean",
    help: "Entropy of the policy over sampled tokens, nats. Healthy: falls slowly; near 0 it explores no more, a steep rise is noise.",
  },
  {
    name: "clip/fraction",
    help: "Share of tokens whose gradient the clip took away. Healthy: 0 on-policy, a few percent otherwise.",
  },
  {
    name: "clip/low_*",
    help: "Share of tokens clipped from below (mean, least and largest of a completion). Healthy: a few percent at most.",
  },
  {
    name: "clip/high_*",
    help: "Share of tokens clipped from above (mean, least and largest of a completion). Healthy: a few percent at most.",
  },
  {
    name: "sampler/logprob_diff_*",
    help: "How far the sampler's log-probability of a token is from the trainer's, nats. Healthy: mean below 0.01; more means other weights or precision.",
  },
  {
    name: "sampler/ratio_*",
    help: "Trainer's probability over the sampler's, before it is bounded. Healthy: mean near 1, extremes within a factor of 2.",
  },
  {
    name: "sampler/weight_mean",
    help: "Mean of that ratio after grpo.correction. Healthy: near 1.",
  },
  {
    name: "sampler/bounded",
    help: "Share of ratios that grpo.correction truncated or masked. Healthy: below a few percent.",
  },
  {
    name: "sampler/acceptance_rate",
    help: "Share of guessed tokens that the policy kept. Healthy: above 0.7, or guessing does not pay.",
  },
  {
    name: "sampler/staleness_*",
    help: "Optimiser steps by which the sampling policy is older than the trained one. 0 is on-policy; a few are fine with a correction.",
  },
  { name: "sampler/*", help: "How sampling went; see docs/training.md." },
  {
    name: "optim/loss",
    help: "The whole loss. Near 0 is normal on-policy: the gradient is not. NaN is not normal.",
  },
  {
    name: "optim/policy_loss",
    help: "The loss without KL and what stands beside it. Near 0 is normal on-policy.",
  },
  {
    name: "optim/grad_norm",
    help: "Norm of the gradient before clipping. Healthy: steady; spikes of ten times and more are trouble.",
  },
  { name: "optim/learning_rate", help: "Learning rate of the step." },
  {
    name: "optim/skipped",
    help: "1 when the gradient was not finite and the weights stayed as they were. Healthy: 0.",
  },
  {
    name: "optim/skipped_total",
    help: "Steps skipped in the whole run. Healthy: 0; a few are survivable.",
  },
  {
    name: "moe/load_max_over_mean",
    help: "Tokens at the busiest expert over the mean. Healthy: below 2; 1 is even.",
  },
  {
    name: "moe/load_min_over_mean",
    help: "Tokens at the idlest expert over the mean. Healthy: above 0.3; 0 is an unused expert.",
  },
  { name: "moe/dead_experts", help: "Experts, over all layers, that got no token. Healthy: 0." },
  {
    name: "moe/balance_loss",
    help: "Sequence-wise balance loss before its weight. Healthy: near 1 a sparse layer.",
  },
  {
    name: "mtp/loss",
    help: "Loss of multi-token prediction, nats a token. Healthy: falls, above the entropy.",
  },
  { name: "task/level", help: "The curriculum's level. Healthy: rises as the policy learns." },
  {
    name: "task/*",
    help: "Where the task's curriculum stands: pass rates, and the share of problems within its window. Healthy: pass rates between 0.2 and 0.8.",
  },
  {
    name: "perf/tokens_per_s",
    help: "Completion tokens a second over the whole step. Healthy: steady.",
  },
  {
    name: "perf/completions_per_s",
    help: "Completions a second over the whole step. Healthy: steady; falls as completions grow.",
  },
  {
    name: "time/wait_s",
    help: "Seconds training waited for rollouts sampled ahead. Healthy: near 0, or sampling is the bottleneck.",
  },
  { name: "time/*_s", help: "Seconds of one phase of the step. Healthy: steady." },
  { name: "tokens/total", help: "Completion tokens trained on since the start." },
  {
    name: "eval/*pass_at_1",
    help: "Share of held-out problems right at the first try. Healthy: follows the reward; if not, the reward is being gamed.",
  },
  {
    name: "eval/*pass_at_k",
    help: "Chance that one of k completions is right. Falls while pass@1 rises: the policy narrows.",
  },
  {
    name: "eval/*cons_at_k",
    help: "Share of held-out problems whose majority answer of k is right. Healthy: above pass@1.",
  },
  {
    name: "eval/safety/over_refusal/*",
    help: "Share of harmless prompts that were refused, bare or with risk control. Healthy: near 0.",
  },
  {
    name: "eval/safety/not_judged/*",
    help: "Answers that got no verdict, and count in no share. Healthy: 0.",
  },
  {
    name: "eval/safety/*",
    help: "Share of safe answers to harmful prompts, bare or with risk control, and its 95 % interval. Healthy: near 1.",
  },
  { name: "eval/*_low", help: "Lower end of the 95 % interval." },
  { name: "eval/*_high", help: "Upper end of the 95 % interval." },
  {
    name: "eval/*format",
    help: "Share of held-out completions of the right form. Healthy: near 1.",
  },
  { name: "eval/*length_mean", help: "Mean length of held-out completions, in tokens." },
  { name: "eval/*errors", help: "Held-out completions that could not be verified. Healthy: 0." },
  {
    name: "eval/*",
    help: "A held-out measure, of one of evaluation.sets where a name stands between.",
  },
];

/** What a series means; "" for one that nobody has described. */
export function helpOf(series: string): string {
  return SERIES_HELP.find((each) => fits(each.name, series))?.help ?? "";
}

/** Which way a series gets better; null where neither way does. */
export type Better = "up" | "down" | null;

/** Of several that fit, the first counts. KL, entropy, lengths and losses are good or bad by the rest. */
const BETTER: readonly [string, Better][] = [
  ["reward/errors", "down"],
  ["reward/timeouts", "down"],
  ["reward/*std", null],
  ["reward/*", "up"],
  ["eval/safety/over_refusal/*", "down"],
  ["eval/safety/not_judged/*", "down"],
  ["eval/*errors", "down"],
  ["eval/*length_mean", null],
  ["eval/*", "up"],
  ["groups/flat", "down"],
  ["groups/dropped", "down"],
  ["completion/truncated", "down"],
  ["sampler/logprob_diff_*", "down"],
  ["sampler/bounded", "down"],
  ["sampler/acceptance_rate", "up"],
  ["optim/skipped*", "down"],
  ["moe/load_max_over_mean", "down"],
  ["moe/load_min_over_mean", "up"],
  ["moe/dead_experts", "down"],
  ["mtp/loss", "down"],
  ["task/level", "up"],
  ["perf/*", "up"],
  ["time/*", "down"],
];

export function betterOf(series: string): Better {
  return BETTER.find(([pattern]) => fits(pattern, series))?.[1] ?? null;
}

/** How a value of a series without a chart of its own is written. */
export function formatOf(series: string): (value: number) => string {
  const isShare = /^(clip|groups\/(flat|solved))|\/(truncated|bounded|acceptance_rate)$/.test(
    series,
  );
  return isShare ? (value) => formatPercent(value) : (value) => formatNumber(value);
}

function fits(pattern: string, name: string): boolean {
  const [head = "", tail] = pattern.split("*");
  if (tail === undefined) return pattern === name;
  const isLong = name.length >= head.length + tail.length;
  return isLong && name.startsWith(head) && name.endsWith(tail);
}
