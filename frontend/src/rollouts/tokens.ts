/** The tokens of a completion, where they stand in its text, and how their numbers are coloured. */

import { formatFixed } from "@/ui/format";
import type { Block } from "./blocks";
import type { Tokens } from "./queries";

export const TINTS = [
  { value: "none", label: "No colours" },
  { value: "logprobs", label: "Log-probability" },
  { value: "entropies", label: "Entropy" },
  { value: "differences", label: "Trainer − sampler" },
  { value: "advantage", label: "Advantage" },
] as const;

export type Tint = (typeof TINTS)[number]["value"];
/** What there is a number of for each token. */
export type TokenTint = Exclude<Tint, "none" | "advantage">;

/** Shades of a colour, and the lightest that is one. */
export const LEVELS = 8;

interface Scale {
  /** The number without colour, and the one from which on the shade stays the darkest. */
  from: number;
  to: number;
  /** Numbers below `from` have a colour of their own, as far as those above. */
  isSigned: boolean;
  unit: string;
  help: string;
}

export const SCALES: Record<Exclude<Tint, "none">, Scale> = {
  logprobs: {
    from: 0,
    to: -5,
    isSigned: false,
    unit: "nats",
    help: "How unlikely the sampler found each token: the darker, the more surprising.",
  },
  entropies: {
    from: 0,
    to: 3,
    isSigned: false,
    unit: "nats",
    help: "How open the trainer's distribution was at each token: the darker, the more open.",
  },
  differences: {
    from: 0,
    to: 0.5,
    isSigned: true,
    unit: "nats",
    help: "The trainer's log-probability less the sampler's: they should agree.",
  },
  advantage: {
    from: 0,
    to: 2,
    isSigned: true,
    unit: "",
    help: "What every token of the completion is pushed by: up where positive, down where negative.",
  },
};

/** From −8 to 8; 0 has no colour. */
export function levelOf(tint: Exclude<Tint, "none">, value: number | null | undefined): number {
  if (value === null || value === undefined || Number.isNaN(value)) return 0;
  const { from, to, isSigned } = SCALES[tint];
  const share = (value - from) / (to - from);
  const level = Math.round(Math.min(1, Math.abs(share)) * LEVELS);
  if (share >= 0) return level;
  return isSigned ? -level : 0;
}

export interface PlacedTokens {
  /** Where each begins in the text, in UTF-16 units as JavaScript counts; then the text's end. */
  starts: readonly number[];
  told: Record<TokenTint, readonly (number | null)[] | null>;
}

/** The server counts Unicode characters. */
export function placedTokens(text: string, tokens: Tokens): PlacedTokens {
  const { offsets, logprobs, entropies, differences } = tokens;
  const told = { logprobs, entropies, differences };
  if (!/[\uD800-\uDBFF]/.test(text)) return { starts: offsets, told };
  const places: number[] = [0];
  for (const letter of text) places.push((places.at(-1) as number) + letter.length);
  return { starts: offsets.map((offset) => places[offset] ?? text.length), told };
}

export interface TokenPiece {
  index: number;
  text: string;
}

/** The tokens that stand in a block, cut at its ends. */
export function piecesOfBlock(block: Block, { starts }: PlacedTokens): TokenPiece[] {
  const end = block.from + block.text.length;
  const pieces: TokenPiece[] = [];
  for (let index = lastUpTo(starts, block.from); index < starts.length - 1; index++) {
    const [from, to] = [starts[index] as number, starts[index + 1] as number];
    if (from >= end) break;
    const text = block.text.slice(Math.max(0, from - block.from), Math.max(0, to - block.from));
    if (text) pieces.push({ index, text });
  }
  return pieces;
}

/** Index of the last start that is at most `place`; 0 when none is. */
function lastUpTo(starts: readonly number[], place: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What is known of a token: «log-probability −2.31, entropy 0.62, …». */
export function wordsOfToken({ told }: PlacedTokens, index: number): string {
  const words = TINTS.flatMap(({ value: tint, label }) => {
    if (tint === "none" || tint === "advantage") return [];
    const value = told[tint]?.[index];
    if (value === null || value === undefined) return [];
    return [`${label.toLowerCase()} ${formatFixed(value, tint === "differences" ? 4 : 2)}`];
  });
  return `${words.join(", ")} nats`;
}
