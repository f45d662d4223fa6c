import type { Schemas } from "@/api/client";

/** A small estimate: 1,000 bytes in training, where the cache of 80 does not live. */
export function memoryEstimate(
  changes: Partial<Schemas["MemoryEstimate"]> = {},
): Schemas["MemoryEstimate"] {
  return {
    device: "cpu",
    dtype: "bf16",
    parameters: 50,
    phases: [
      {
        phase: "training",
        bytes: 1000,
        parts: { weights: 100, optimiser: 300, activations: 600 },
      },
      {
        phase: "sampling",
        bytes: 480,
        parts: { weights: 100, optimiser: 300, latent_cache: 80 },
      },
    ],
    parts: { weights: 100, optimiser: 300, activations: 600, latent_cache: 80 },
    peak_bytes: 1000,
    most_bytes: 2048,
    completion_tokens: 25,
    prompt_tokens: 16,
    complete: true,
    device_bytes: 4096,
    fits: true,
    largest_chunk_tokens: 8320,
    largest_sequences: 900,
    notes: ["Computed for completions that all reach 64 tokens."],
    ...changes,
  };
}
