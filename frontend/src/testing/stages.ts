import type { Results, Stage } from "@/api/queries";

/** A stage that has not begun, of ten steps, with what a test wants otherwise. */
export function stageOf(changes: Partial<Stage> = {}): Stage {
  return {
    name: "zero",
    kind: "grpo",
    first_step: 1,
    last_step: 10,
    steps: 10,
    done: 0,
    state: "waiting",
    began_at: null,
    finished_at: null,
    seconds: 0,
    device_hours: 0,
    costs: [],
    score: null,
    inputs: [],
    outputs: [],
    checkpoint: null,
    waits_for: [],
    ...changes,
  };
}

export function inputOf(
  role: Stage["inputs"][number]["role"],
  stage: string | null,
): Stage["inputs"][number] {
  return { role, stage, path: "", rows: null };
}

/** Two models by one evaluation, with these scores. */
export function resultsOf(...values: (number | null)[]): Results {
  return {
    stage: "results",
    columns: [{ set: "", measure: "pass_at_1", k: 4 }],
    rows: values.map((value, place) => ({
      model: `model-${place}`,
      label: `model-${place}`,
      problems: value === null ? null : 8,
      completions_per_problem: value === null ? null : 4,
      scores: [value === null ? null : { value, low: value - 0.1, high: value + 0.1 }],
    })),
  };
}
