import type { Alert, AlertRule, RunRow } from "@/api/queries";

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
    paused: "",
    resume_at: null,
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
    values: {},
    owner: { id: 1, username: "operator" },
    parent: null,
    last_seq: 100,
    created_at: "2026-03-01T12:00:00Z",
    started_at: "2026-03-01T12:00:01Z",
    ended_at: null,
    ...changes,
  };
}

/** A rule of a run: kl/mean above 1 for 5 points. */
export function alertRule(changes: Partial<AlertRule> = {}): AlertRule {
  return {
    id: 1,
    run: 12,
    name: "KL blow-up",
    kind: "threshold",
    metric: "kl/mean",
    direction: "above",
    limit: 1,
    points: 5,
    seconds: null,
    states: [],
    unit: "",
    days: null,
    used: null,
    action: "tell",
    enabled: true,
    firing: false,
    ...changes,
  };
}

/** An alert that fires, could not be sent, and that nobody has acknowledged. */
export function alertRow(changes: Partial<Alert> = {}): Alert {
  return {
    id: 1,
    run: 12,
    run_name: "sums",
    rule: 1,
    rule_name: "KL blow-up",
    metric: "kl/mean",
    attempt: 1,
    step: 84,
    value: 1.7,
    message: "kl/mean is above 1: 1.7 at step 84.",
    at: "2026-03-01T12:00:00Z",
    cleared_at: null,
    acknowledged_at: null,
    acknowledged_by: null,
    deliveries: [
      {
        id: 1,
        alert: 1,
        rule_name: "KL blow-up",
        run: 12,
        run_name: "sums",
        created_at: "2026-03-01T12:00:00Z",
        target: 1,
        target_name: "pager",
        status: "failed",
        tries: 6,
        due_at: null,
        sent_at: null,
        error: "Answered 500.",
      },
    ],
    ...changes,
  };
}
