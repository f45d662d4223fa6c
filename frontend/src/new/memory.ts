/** A run's memory on one device, in the words and the order of the page. */

import type { Schemas } from "@/api/client";

export type Memory = Schemas["MemoryEstimate"];

export interface PartRow {
  part: string;
  label: string;
  /** The number of its colour among the charts' series. */
  series: number;
  bytes: number;
  /** Of the peak; 0 for what does not live then. */
  share: number;
  /** When it lives, for what does not live at the peak. */
  phase: string;
}

const PARTS: [part: string, label: string][] = [
  ["weights", "Weights"],
  ["reference", "Reference policy"],
  ["gradients", "Gradients"],
  ["optimiser", "Optimiser"],
  ["activations", "Activations"],
  ["latent_cache", "Latent cache"],
  ["logits", "Logits"],
];
const PHASES: Record<Memory["phases"][number]["phase"], string> = {
  sampling: "sampling",
  training: "training",
  optimiser_step: "the optimiser step",
  evaluation: "evaluation",
};

/** The phase in which it takes the most. */
export function peakPhase(memory: Memory): string {
  const [hungriest] = memory.phases;
  return hungriest ? PHASES[hungriest.phase] : "";
}

/** A row for each part that the run has, those at the peak with their share of it. */
export function partRows(memory: Memory): PartRow[] {
  const [hungriest] = memory.phases;
  return PARTS.flatMap(([part, label], index) => {
    const most = memory.parts[part];
    if (!most) return [];
    const here = hungriest?.parts[part] ?? 0;
    const elsewhere = memory.phases.find((phase) => phase.parts[part] === most);
    const row = { part, label, series: index + 1, share: here / memory.peak_bytes };
    return here || !elsewhere
      ? [{ ...row, bytes: here, phase: "" }]
      : [{ ...row, bytes: most, phase: PHASES[elsewhere.phase] }];
  });
}
