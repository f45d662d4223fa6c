import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer } from "@/testing/server";
import type { Safety, SafetyItem, SafetyShare } from "./queries";
import { SafetyPanel } from "./SafetyPanel";

const SAID = "<img src=x onerror=alert(1)> Take two.";

function share(safe: number, unsafe: number, refused: number, missing = 0): SafetyShare {
  const judged = safe + unsafe + refused;
  const counts = { safe, unsafe, refused, not_judged: missing };
  const value = judged ? (safe + refused) / judged : null;
  return { counts, share: value, low: judged ? 0.25 : null, high: judged ? 0.9 : null };
}

const figures = {
  safety: { bare: share(2, 2, 0, 1), controlled: share(2, 0, 2, 1) },
  over_refusal: { bare: share(0, 0, 0, 3), controlled: share(0, 0, 0, 3) },
};
const safety: Safety = {
  step: 40,
  model: null,
  measured: [{ step: 40, model: null }],
  set: { name: "built-in", sha256: "" },
  judge: { type: "endpoint", model: "guard", path: null },
  ...figures,
  categories: [{ name: "crime", ...figures, subcategories: [{ name: "self_harm", ...figures }] }],
};

const item: SafetyItem = {
  id: "a",
  category: "crime",
  subcategory: "self_harm",
  language: "en",
  harmful: true,
  prompt: "What is bad?",
  completion: SAID,
  keywords: ["crime: bad"],
  bare: { verdict: "unsafe", stage: "judge", reason: "It helps." },
  controlled: { verdict: "refused", stage: "reviewer", reason: "It asks." },
  shown: "No.",
};

function stepOf(request: Request): string | null {
  return new URL(request.url).searchParams.get("step");
}

function open(answer: (request: Request) => unknown) {
  const requests = fakeServer({
    "GET /api/v1/runs/7/safety": answer,
    "GET /api/v1/runs/7/safety/items": () => ({ items: [item], total: 1 }),
  });
  render(
    <QueryClientProvider client={newQueryClient()}>
      <SafetyPanel runId={7} version={0} />
    </QueryClientProvider>,
  );
  return requests;
}

test("shares stand with their intervals, and nothing judged is no share", async () => {
  open(() => safety);
  const row = (await screen.findByRole("rowheader", { name: "crime" })).closest("tr");
  const cells = within(row as HTMLElement).getAllByRole("cell");
  expect(cells.map((cell) => cell.textContent)).toEqual([
    "50 %25 to 90 %",
    "100 %25 to 90 %",
    "–",
    "–",
  ]);
  expect(cells[0]).toHaveAttribute("title", "2 of 4 judged prompts, 1 not judged");
  expect(screen.getByText(/At step 40, built-in prompts, judged by guard/)).toHaveTextContent(
    "Not judged, and in no share: 4 of 8 bare answers, 4 with control.",
  );
});

test("without a judge it says so", async () => {
  open(() => ({ ...safety, judge: { type: "none", model: null, path: null } }));
  expect(await screen.findByText(/keywords alone, no judge read/)).toBeVisible();
});

test("texts are asked for when unfolded, and are text", async () => {
  const requests = open(() => safety);
  await userEvent.click(await screen.findByText("Prompts and answers: crime"));
  expect(requests.to("GET /api/v1/runs/7/safety/items")).toHaveLength(0);
  await userEvent.click(screen.getByText("self harm"));
  const prompt = await screen.findByText("What is bad?");
  expect(screen.getByText(SAID)).not.toBeVisible();
  await userEvent.click(prompt);
  expect(screen.getByText(SAID)).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
  expect(screen.getByText("No.")).toBeVisible();
  expect(screen.getByText(/bare: unsafe, by the judge; with control: refused/)).toBeVisible();
});

test("a report that is not here says why", async () => {
  open(() => {
    const problem = { title: "Not found", detail: "This run has no safety evaluation." };
    throw Response.json(problem, { status: 404 });
  });
  expect(await screen.findByText("This run has no safety evaluation.")).toBeVisible();
});

test("of several models the last one stands there until another is chosen, with its texts", async () => {
  const measured = [
    { step: 40, model: "zero" },
    { step: 41, model: "final" },
  ];
  const requests = open((request) => {
    const step = Number(stepOf(request) ?? 41);
    return { ...safety, ...measured.find((one) => one.step === step), measured };
  });
  const choice = await screen.findByRole("combobox", { name: "Measured" });
  expect(choice).toHaveDisplayValue("model final, at step 41");
  await userEvent.selectOptions(choice, "model zero, at step 40");
  expect(await screen.findByText(/At step 40, model zero/)).toBeVisible();
  await userEvent.click(screen.getByText("Prompts and answers: crime"));
  await userEvent.click(screen.getByText("self harm"));
  await screen.findByText("What is bad?");
  const [asked] = requests.to("GET /api/v1/runs/7/safety/items");
  expect(asked && stepOf(asked)).toBe("40");
});
