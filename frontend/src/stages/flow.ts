/** What flows between stages, and in which lane each arrow runs. */

import type { Stage } from "@/api/queries";
import { plural } from "@/ui/format";

export type Role = Stage["inputs"][number]["role"];

export interface Arrow {
  role: Role;
  /** Places of the stages in the pipeline. */
  from: number;
  to: number;
  /** 0 goes straight to the neighbour; others run beside the boxes, none two that overlap in one. */
  lane: number;
  words: string;
}

export const ROLE_WORDS: Record<Role, string> = {
  weights: "weights",
  data: "data",
  reward_model: "reward model",
  model: "evaluated model",
};

/** In order of where they begin; of what a stage evaluates only the neighbour: its table has all. */
export function arrowsOf(stages: readonly Stage[]): Arrow[] {
  const found = stages.flatMap((stage, to) =>
    stage.inputs.flatMap(({ role, stage: source, rows }): Omit<Arrow, "lane">[] => {
      const from = stages.findIndex(({ name }) => name === source);
      if (from < 0 || (role === "model" && from !== to - 1)) return [];
      const known = rows ?? stages[from]?.outputs.find((output) => output.role === role)?.rows;
      const many = typeof known === "number" ? ` (${plural(known, "row")})` : "";
      const words = `${ROLE_WORDS[role]} of ${source} to ${stage.name}${many}`;
      return [{ role, from, to, words }];
    }),
  );
  const ends: number[] = [];
  return found
    .sort((a, b) => a.from - b.from || a.to - b.to)
    .map((arrow) => ({ ...arrow, lane: isBeside(arrow, found) ? 0 : laneFor(arrow, ends) }));
}

/** Whether it goes to the next stage, and is the first that does. */
function isBeside(arrow: Omit<Arrow, "lane">, all: readonly Omit<Arrow, "lane">[]): boolean {
  if (arrow.to !== arrow.from + 1) return false;
  return all.find(({ from, to }) => from === arrow.from && to === arrow.to) === arrow;
}

/** The first lane that is free from where the arrow begins; `ends` are those of the lanes so far. */
function laneFor({ from, to }: Omit<Arrow, "lane">, ends: number[]): number {
  const free = ends.findIndex((end) => end <= from);
  const lane = free < 0 ? ends.length : free;
  ends[lane] = to;
  return lane + 1;
}

export function laneCount(arrows: readonly Arrow[]): number {
  return Math.max(0, ...arrows.map(({ lane }) => lane));
}
