/** What arrives on `/ws/runs/{id}`; docs/architecture.md, «What the browser receives». */

/** JSON has no NaN: such numbers travel as these words, or as null. */
export type WireNumber = number | "NaN" | "Infinity" | "-Infinity" | null;
export type WireValues = Record<string, WireNumber>;

interface Payloads {
  state: { from: string; to: string; reason: string; actor: string };
  metrics: { time: number; values: WireValues };
  rollouts: {
    group_id: number;
    group: number;
    trained: boolean;
    question: string;
    reward_mean: number | null;
    rewards: (number | null)[];
  };
  evaluation: {
    time: number;
    /** Which model of several its stage has evaluated: then these are no points of the run's series. */
    model?: string | null;
    values: WireValues;
    problems: number;
    completions_per_problem: number;
  };
  checkpoint: { id: number; path: string; bytes: number; reason: string; removed: string[] };
  stage: { stage: string; state: "began" | "resumed" | "finished" };
  provenance: { stage: string; resumed: boolean };
  phase: { phase: string };
  started: { start_step: number; total_steps: number; device: string; dtype: string };
  log: { level: "info" | "warning" | "error"; message: string };
  finished: { outcome: "finished" | "stopped" | "failed"; reason: string };
  system: { time: number; values: WireValues };
  alert: { id: number; rule: string; metric: string; value: WireNumber; message: string };
}

export type EventType = keyof Payloads;

/** One thing that happened to a run; `seq` counts from 1 without holes. */
export type RunEvent = {
  [Type in EventType]: {
    seq: number;
    type: Type;
    step: number;
    at: string;
    attempt: number | null;
    payload: Payloads[Type];
  };
}[EventType];

export interface EventsMessage {
  type: "events";
  run: number;
  first_seq: number;
  last_seq: number;
  /** null: too large for one message, to be fetched. */
  events: RunEvent[] | null;
}

export type RunMessage =
  | EventsMessage
  | { type: "hello"; run: number; last_seq: number }
  | { type: "ping" };

export function toNumber(value: WireNumber): number {
  return value === null ? Number.NaN : Number(value);
}
