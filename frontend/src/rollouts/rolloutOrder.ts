/** Order and counts of a group's completions. */

import { ORDERS, type Order, type Pick } from "./address";
import type { Cluster, Completion, GroupDetail } from "./queries";

/** What sorts a group without knowing what its completions answer. */
export type Sort = Exclude<Order, "answer">;

export function isSort(order: Order): order is Sort {
  return order !== "answer";
}

export const SORTS = ORDERS.filter(
  (each): each is Extract<typeof each, { value: Sort }> => each.value !== "answer",
);

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

/** Those that answer alike beside each other, the majority first. */
export function byAnswer(
  completions: readonly Completion[],
  clusters: readonly Cluster[],
): Completion[] {
  const place = new Map(clusters.flatMap(({ indexes }) => indexes).map((index, at) => [index, at]));
  return [...completions].sort((a, b) => (place.get(a.index) ?? 0) - (place.get(b.index) ?? 0));
}

/** What the verifier read, or else what stands where answers stand; null for none. */
export function answerOf({ clusters }: GroupDetail, completion: Completion): string | null {
  const own = clusters.find(({ indexes }) => indexes.includes(completion.index));
  return completion.parsed ?? own?.answer ?? null;
}

/** A group's completions as they are to stand beside each other. */
export function ordered({ group, clusters }: GroupDetail, order: Order): Completion[] {
  return isSort(order) ? sorted(group.completions, order) : byAnswer(group.completions, clusters);
}

/** The completion that stands for its group, by reward; of equal ones the first. */
export function picked(completions: readonly Completion[], pick: Pick): Completion | undefined {
  const worth = ({ reward }: Completion) => reward ?? Number.NEGATIVE_INFINITY;
  const rising = [...completions].sort((a, b) => worth(a) - worth(b) || b.index - a.index);
  const last = rising.length - 1;
  return rising[{ best: last, median: Math.floor(last / 2), worst: 0 }[pick]];
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
