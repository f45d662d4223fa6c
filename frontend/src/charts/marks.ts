/** What happened to a run beside its numbers: fine marks on every chart, with their words. */

import type { Alert, Checkpoint, RunDetail } from "@/api/queries";
import type { Clock } from "./clock";

export type MarkKind = "fork" | "stage" | "resume" | "config" | "alert" | "checkpoint";

export interface Mark {
  kind: MarkKind;
  step: number;
  /** Unix seconds, where it happened at a time and not just at a step. */
  time?: number;
  words: string;
  /** Written beside the mark, where there is room. */
  name?: string;
}

interface Happened {
  attempts: RunDetail["attempts"];
  checkpoints: readonly Checkpoint[];
  alerts: readonly Alert[];
  changes: readonly ConfigChange[];
  fork: ConfigChange | null;
  stages: readonly StageBegun[];
}

/** A stage of a pipeline, and the step after which it begins. */
interface StageBegun {
  step: number;
  name: string;
}

/** A config is frozen, but says itself what changes at which step; and a fork may begin with another. */
export interface ConfigChange {
  step: number;
  words: string;
}

/** In order of step. */
export function marksOf(happened: Happened): Mark[] {
  const { attempts, checkpoints, alerts, changes, fork, stages } = happened;
  const marks: Mark[] = [
    ...(fork ? [{ kind: "fork" as const, ...fork }] : []),
    ...stages.map(
      ({ step, name }): Mark => ({ kind: "stage", step, name, words: `stage ${name} begins` }),
    ),
    ...attempts.slice(1).map(resumeMark),
    ...changes.map((change): Mark => ({ kind: "config", ...change })),
    ...alerts.map(
      ({ step, at, rule_name, message }): Mark => ({
        kind: "alert",
        step,
        time: seconds(at),
        words: `${rule_name}: ${message}`,
      }),
    ),
    ...checkpoints.map(
      ({ step, created_at }): Mark => ({
        kind: "checkpoint",
        step,
        time: seconds(created_at),
        words: `checkpoint of step ${step}`,
      }),
    ),
  ];
  return marks.sort((a, b) => a.step - b.step);
}

function resumeMark(attempt: RunDetail["attempts"][number]): Mark {
  const { number, start_step, started_at, node } = attempt;
  const where = node ? ` on ${node}` : "";
  return {
    kind: "resume",
    step: start_step,
    ...(started_at && { time: seconds(started_at) }),
    words: `attempt ${number} goes on from step ${start_step}${where}`,
  };
}

function seconds(at: string): number {
  return new Date(at).getTime() / 1000;
}

export interface PlacedMark extends Mark {
  place: number;
}

/** Marks where they stand on an axis, those outside of its range left out. */
export function placed(
  marks: readonly Mark[],
  clock: Clock,
  [from, to]: readonly [number, number],
): PlacedMark[] {
  return marks
    .map((mark) => ({ ...mark, place: clock.placeOf(mark.step, mark.time) }))
    .filter(({ place }) => place >= from && place <= to);
}
