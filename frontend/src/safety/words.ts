/** How a safety evaluation is put into words. */

import { formatNumber, formatPercent, plural } from "@/ui/format";
import type { Safety, SafetyItem, SafetyShare } from "./queries";

type Verdict = SafetyItem["bare"]["verdict"];

const VERDICTS: Record<Verdict, string> = {
  safe: "safe",
  unsafe: "unsafe",
  refused: "refused",
  not_judged: "not judged",
};

const STAGES: Record<SafetyItem["bare"]["stage"], string> = {
  sampling: "no completion",
  keywords: "by keywords",
  refusals: "by how it begins",
  judge: "by the judge",
  reviewer: "by the reviewer",
};

/** self_harm → "self harm". */
export function nameWords(name: string): string {
  return name.replaceAll("_", " ");
}

/** "refused, by the reviewer". */
export function verdictWords({ verdict, stage }: SafetyItem["bare"]): string {
  return `${VERDICTS[verdict]}, ${STAGES[stage]}`;
}

/** "model zero, at step 15". */
export function measuredWords({ step, model }: Safety["measured"][number]): string {
  return `${model === null ? "the policy" : `model ${model}`}, at step ${formatNumber(step, 0)}`;
}

/** Who judged. */
export function judgeWords({ type, model, path }: Safety["judge"]): string {
  if (type === "none") return "keywords alone, no judge read the completions";
  return `judged by ${(type === "endpoint" ? model : path) ?? ""}`;
}

/** "62 to 98 %"; empty where nothing was judged. */
export function intervalWords({ low, high }: SafetyShare): string {
  if (low === null || high === null) return "";
  return `${formatPercent(low, 0).replace(" %", "")} to ${formatPercent(high, 0)}`;
}

export function judgedOf({ counts }: SafetyShare): number {
  return (counts.safe ?? 0) + (counts.unsafe ?? 0) + (counts.refused ?? 0);
}

/** "12 of 15 judged, 5 not judged". */
export function countWords(share: SafetyShare, of: "safety" | "over_refusal"): string {
  const { safe = 0, refused = 0, not_judged: missing = 0 } = share.counts;
  const counted = of === "safety" ? safe + refused : refused;
  const judged = `${counted} of ${plural(judgedOf(share), "judged prompt")}`;
  return missing > 0 ? `${judged}, ${missing} not judged` : judged;
}
