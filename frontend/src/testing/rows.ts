import type { RunRow } from "@/api/queries";

/** A run as the list shows it, running, with what a test wants otherwise. */
export function runRow(changes: Partial<RunRow> = {}): RunRow {
  return {
    id: 12,
    project: "default",
    name: "r1-zero-nano",
    preset: "r1-zero-nano",
    tags: [],
    state: "running",
    desired: "running",
    reason: "",
    queue_reason: "",
    priority: 0,
    preemptible: false,
    step: 84,
    total_steps: 300,
    reward: 1.21,
    sparkline: [0.4, 0.6, 1.21],
    pass_at_1: 0.61,
    tokens_per_s: 8200,
    duration_s: 130,
    eta_s: 340,
    device_hours: 0.036,
    cost_usd: 0,
    owner: { id: 1, username: "operator" },
    parent: null,
    last_seq: 100,
    created_at: "2026-03-01T12:00:00Z",
    started_at: "2026-03-01T12:00:01Z",
    ended_at: null,
    ...changes,
  };
}
