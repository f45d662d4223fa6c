import type { Stage } from "@/api/queries";

/** Types of stages, as people call them. */
export const KIND_WORDS: Record<Stage["kind"], string> = {
  grpo: "GRPO",
  sft: "SFT",
  distill: "distillation",
  rejection_sampling: "rejection sampling",
  reward_model: "reward model",
  evaluate: "evaluation",
};
