import type { ComparedRun, Comparison } from "./fields";

/** A run as the comparison has it, finished, with what a test wants otherwise. */
export function comparedRun(id: number, changes: Partial<ComparedRun> = {}): ComparedRun {
  return {
    id,
    name: `run ${id}`,
    project: "default",
    preset: "r1-zero-nano",
    owner: "olga",
    tags: [],
    state: "finished",
    step: 300,
    total_steps: 300,
    last_seq: 900,
    created_at: "2026-03-01T12:00:00Z",
    started_at: "2026-03-01T12:00:01Z",
    ended_at: "2026-03-01T13:00:01Z",
    duration_s: 3600,
    device_hours: 1,
    cost_usd: 0,
    holds: [],
    ...changes,
  };
}

/** Runs 1 to 3 whose KL coefficients are 0.001, 0.01 and 0.1; run 3 has no curriculum set. */
export function comparison(changes: Partial<Comparison> = {}): Comparison {
  return {
    runs: [comparedRun(1, { tags: ["a"] }), comparedRun(2, { tags: ["a", "b"] }), comparedRun(3)],
    config: {
      common: { seed: 0, "grpo.loss.type": "grpo" },
      differing: [
        { path: "task.curriculum", values: [null], of: [0, 0, -1] },
        { path: "grpo.kl_coef", values: [0.001, 0.01, 0.1], of: [0, 1, 2] },
        { path: "sampling.stop", values: [[], ["x"]], of: [0, 0, 0] },
      ],
    },
    series: [{ name: "reward/mean", runs: 3 }],
    last: { "reward/mean": [0.5, null, 1.5] },
    ...changes,
  };
}
