import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer } from "@/testing/server";
import type { Forecast } from "./queries";
import { ToFinish } from "./ToFinish";

const range = (mid: number, factor = 1) => ({ low: mid / factor, mid, high: mid * factor });

const DEV2 = {
  stage: "dev2",
  kind: "grpo",
  steps: 40,
  basis: "same_type",
  seconds: range(120),
  why: "Steps of dev2 take as long as the last 200 of zero.",
} as const;
const RESULTS = {
  stage: "results",
  kind: "evaluate",
  steps: 6,
  basis: "guess",
  seconds: range(60, 60),
  why: "A guess: nothing of its type was measured.",
} as const;

function open(changes: Partial<Forecast>) {
  const forecast: Forecast = {
    steps: 46,
    known_steps: 200,
    reason: "",
    stages: [],
    seconds: range(180),
    device_hours: range(0.05),
    currency: "USD",
    micros: range(100_000),
    assumptions: ["Starting is not in it."],
    ...changes,
  };
  fakeServer({ "GET /api/v1/runs/7/forecast": () => forecast });
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToFinish runId={7} />
    </QueryClientProvider>,
  );
}

test("each stage says what its part rests on, and what is guessed", async () => {
  open({ stages: [DEV2, RESULTS] });
  expect(await screen.findByText("The 46 steps that are left take:")).toBeVisible();
  const parts = within(screen.getByRole("list", { name: "Stage by stage" }));
  const [dev2, results] = parts.getAllByRole("listitem");
  expect(dev2).toHaveTextContent(`dev2GRPO, 40 steps2m 00s2m 00s to 2m 00s${DEV2.why}`);
  expect(results).toHaveTextContent("resultsevaluation, 6 stepsabout 1m 00s1s to 1h 00m");
  expect(results).toHaveTextContent(RESULTS.why);
});

test("of one stage a sentence is enough", async () => {
  open({ stages: [DEV2] });
  expect(await screen.findByText(DEV2.why)).toBeVisible();
  expect(screen.queryByRole("list", { name: "Stage by stage" })).toBeNull();
});

test("before anything can be said it says why", async () => {
  open({ reason: "Too few steps.", seconds: null, device_hours: null, micros: null });
  expect(await screen.findByText("Too few steps.")).toBeVisible();
});
