/** Order and counts of a group's completions. */

import type { Completion } from "./queries";

export const SORTS = [
  { value: "advantage", label: "Best first" },
  { value: "-advantage", label: "Worst first" },
  { value: "length", label: "Longest first" },
  { value: "index", label: "As sampled" },
] as const;

export type Sort = (typeof SORTS)[number]["value"];

const ORDER: Record<Sort, (completion: Completion) => number> = {
  advantage: (completion) => -completion.advantage,
  "-advantage": (completion) => completion.advantage,
  length: (completion) => -completion.length,
  index: () => 0,
};

/** Sorted anew; equals stay as they were sampled. */
export function sorted(completions: readonly Completion[], sort: Sort): Completion[] {
  const key = ORDER[sort];
  return [...completions].sort((a, b) => key(a) - key(b) || a.index - b.index);
}

/** How many earned the whole accuracy; all of what was rewarded when accuracy is not measured. An
 * answer that could not be verified is not among them. */
export function rightCount(completions: readonly Completion[]): number {
  return completions.filter(({ rewards, reward, reward_errors }) =>
    reward_errors.accuracy ? false : Number(rewards.accuracy ?? reward ?? 0) >= 1,
  ).length;
}

/** How many have no reward, since a part of it could not be computed. */
export function unscoredCount(completions: readonly Completion[]): number {
  return completions.filter(({ reward }) => reward === null).length;
}

/** How many rewards fall into each of `bins` equal parts of the range from `low` to `top`. */
export function histogram(
  rewards: readonly number[],
  bins: number,
  low: number,
  top: number,
): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const reward of rewards) {
    const place = Math.floor(((reward - low) / (top - low || 1)) * bins);
    const bin = Math.min(bins - 1, Math.max(0, place));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}
