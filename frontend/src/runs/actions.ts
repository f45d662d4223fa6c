import type { RunRow } from "@/api/queries";

const ENDED = new Set(["finished", "failed", "stopped"]);

type Stateful = Pick<RunRow, "state" | "desired" | "step" | "total_steps">;

/** Under way or waiting, and nobody asked it to stop yet. */
export function canStop(run: Stateful): boolean {
  return !ENDED.has(run.state) && run.desired !== "stopped";
}

/** Ended before its last step. */
export function canResume(run: Stateful): boolean {
  return ENDED.has(run.state) && run.step < run.total_steps;
}
