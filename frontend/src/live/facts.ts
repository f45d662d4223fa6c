import type { RunEvent } from "./messages";

/** The few things about a run that change with every event and stand in its header. */
export interface Facts {
  state: string;
  reason: string;
  /** Newest step that has metrics. */
  step: number;
  /** Newest step that has rollouts, and how many of its groups came in while we listened. */
  rolloutsStep: number;
  rolloutsGroups: number;
  phase: string;
  /** How often checkpoints, states, alerts and stages changed: what was fetched before is stale. */
  checkpointsVersion: number;
  stateVersion: number;
  alertsVersion: number;
  stagesVersion: number;
}

/** The facts of a fresh snapshot; all that was fetched under the `before` ones is stale. */
export function factsOf(
  run: { state: string; reason: string; step: number },
  before: Facts | null = null,
): Facts {
  return {
    state: run.state,
    reason: run.reason,
    step: run.step,
    rolloutsStep: run.step,
    rolloutsGroups: 0,
    phase: "",
    checkpointsVersion: before ? before.checkpointsVersion + 1 : 0,
    stateVersion: before ? before.stateVersion + 1 : 0,
    alertsVersion: before ? before.alertsVersion + 1 : 0,
    stagesVersion: before ? before.stagesVersion + 1 : 0,
  };
}

/** The facts after `event`; the same object when nothing changed. */
export function applyToFacts(facts: Facts, event: RunEvent): Facts {
  switch (event.type) {
    case "state":
      return {
        ...facts,
        state: event.payload.to,
        reason: event.payload.reason,
        phase: "",
        stateVersion: facts.stateVersion + 1,
      };
    case "started":
      return {
        ...facts,
        step: Math.min(facts.step, event.payload.start_step),
        rolloutsStep: Math.min(facts.rolloutsStep, event.payload.start_step),
      };
    case "metrics":
      return { ...facts, step: event.step };
    case "rollouts": {
      const before = event.step === facts.rolloutsStep ? facts.rolloutsGroups : 0;
      return { ...facts, rolloutsStep: event.step, rolloutsGroups: before + 1 };
    }
    case "phase":
      return { ...facts, phase: event.payload.phase };
    case "checkpoint":
      return { ...facts, checkpointsVersion: facts.checkpointsVersion + 1 };
    case "alert":
      return { ...facts, alertsVersion: facts.alertsVersion + 1 };
    case "stage":
    case "provenance":
      return { ...facts, stagesVersion: facts.stagesVersion + 1 };
    case "evaluation":
      return event.payload.model
        ? { ...facts, step: event.step, stagesVersion: facts.stagesVersion + 1 }
        : facts;
    case "system":
    case "log":
    case "finished":
      return facts;
  }
}
