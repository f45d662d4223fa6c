import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { RunDetail } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { factsOf } from "@/live/facts";
import type { TabProps } from "@/run/RunPage";
import { runRow } from "@/testing/rows";
import { fakeServer } from "@/testing/server";
import ProvenanceTab from "./ProvenanceTab";
import type { Ancestor, Provenance, UsedDataset } from "./queries";

function work(changes: Partial<Ancestor> = {}): Ancestor {
  return {
    kind: "work",
    run: { id: 12, name: "r1" },
    said: "",
    path: "checkpoints/step-000010",
    sha256: null,
    stage: "zero",
    first_step: 1,
    last_step: 10,
    digest: "a".repeat(64),
    code_version: "0.1.0",
    commit: "b".repeat(40),
    dirty: false,
    versions: { torch: "2.8" },
    devices: [{ node: "n1", device: "NVIDIA H100", count: 8 }],
    datasets: ["d1"],
    changed: [],
    notes: [],
    ...changes,
  };
}

const CARD = {
  id: "d1",
  role: "training",
  field: "task.path",
  name: "gsm8k",
  source: "hub",
  origin: "openai/gsm8k",
  version: null,
  options: {},
  seed: null,
  rows: 7473,
  licence: null,
  licence_from: null,
  files: [],
  file_count: 0,
  sha256: "c".repeat(64),
  scan: { texts: 100, judged: 90, flagged: 9, share: 0.1, low: 0.02, high: 0.2 },
} satisfies UsedDataset["card"];

function shown(answer: Provenance) {
  fakeServer({ "GET /api/v1/runs/12/provenance": () => answer });
  const props = {
    run: runRow() as unknown as RunDetail,
    facts: factsOf({ state: "running", reason: "", step: 13 }),
  } as unknown as TabProps;
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ProvenanceTab {...props} />
    </QueryClientProvider>,
  );
}

const EMPTY: Provenance = { datasets: [], decontamination: [], checkpoints: [] };

it("says so while nothing has been told", async () => {
  shown(EMPTY);
  expect(await screen.findByText("Nothing told yet")).toBeInTheDocument();
});

it("a card says what its dataset is, and what is not stated of it", async () => {
  shown({ ...EMPTY, datasets: [{ card: CARD, stages: ["zero", "final"] }] });
  const card = await screen.findByRole("listitem");
  expect(card).toHaveTextContent("openai/gsm8k");
  expect(card).toHaveTextContent("Licencenot stated");
  expect(card).toHaveTextContent("7,473");
  expect(card).toHaveTextContent("zero, final");
  expect(card).toHaveTextContent("10.0 % (2.0 % to 20.0 %) of 90 texts");
});

it("what changed between neighbours stands out in words", async () => {
  const note = "Made on other hardware than what it begins with: before, 8 × NVIDIA H100.";
  const newest = work({ first_step: 11, last_step: 20, changed: ["devices"], notes: [note] });
  const line = [newest, work()];
  shown({ ...EMPTY, checkpoints: [{ id: 3, step: 20, stage: "zero", path: "", line }] });
  const [first, second] = await screen.findAllByRole("listitem");
  expect(first).toHaveTextContent(note);
  expect(within(first as HTMLElement).getByText("changed")).toBeInTheDocument();
  expect(second).not.toHaveTextContent("changed");
});

it("another checkpoint's line is shown when it is chosen", async () => {
  const of = (id: number, step: number, stage: string) => ({
    id,
    step,
    stage,
    path: "",
    line: [work({ stage, last_step: step })],
  });
  shown({ ...EMPTY, checkpoints: [of(2, 20, "final"), of(1, 10, "zero")] });
  expect(await screen.findByText(/final, steps 1 to 20/)).toBeInTheDocument();
  await userEvent.setup().selectOptions(screen.getByLabelText("Checkpoint"), "1");
  expect(screen.getByText(/zero, steps 1 to 10/)).toBeInTheDocument();
});

it("what was left out is told with both sides", async () => {
  const examples = [{ problem: "train.jsonl, line 4", like: "test.jsonl, line 1", words: "a b c" }];
  const found = { ngram: 3, problems: 50, left_out: 2, examples };
  shown({
    ...EMPTY,
    datasets: [{ card: CARD, stages: [] }],
    decontamination: [{ stage: "grpo", found }],
  });
  expect(await screen.findByText(/2 of 50 training problems have 3 words/)).toBeInTheDocument();
  expect(screen.getByRole("row", { name: /line 4 test.jsonl, line 1 a b c/ })).toBeInTheDocument();
});
