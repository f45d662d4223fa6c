import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import type { RunDetail, Stages } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { factsOf } from "@/live/facts";
import { parseAddress } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { runRow } from "@/testing/rows";
import { fakeServer } from "@/testing/server";
import { inputOf, resultsOf, stageOf } from "@/testing/stages";
import { ToastProvider } from "@/ui/toast";
import { PipelineSection } from "./PipelineSection";

const began_at = "2026-03-01T12:00:00Z";
const STAGES: Stages = {
  is_pipeline: true,
  stages: [
    stageOf({
      state: "finished",
      began_at,
      seconds: 130,
      done: 10,
      score: { value: 0.625, low: 0.5, high: 0.75, step: 10, problems: 8 },
    }),
    stageOf({ name: "cold", state: "running", began_at, first_step: 11, last_step: 20 }),
    stageOf({ name: "dev1", inputs: [inputOf("data", "cold")], waits_for: ["cold"] }),
  ],
  results: [resultsOf(0.2, 0.6)],
};

function shown(config: Record<string, unknown>) {
  const server = fakeServer({
    "GET /api/v1/runs/12/stages": () => STAGES,
    "POST /api/v1/runs/12/stages/zero/repeat": () => ({ ...runRow(), id: 13 }),
  });
  const go = vi.fn();
  const permissions = { change: true };
  const props = {
    run: { ...runRow(), config, permissions } as unknown as RunDetail,
    facts: factsOf({ state: "running", reason: "", step: 13 }),
    address: parseAddress(new URLSearchParams()),
    go,
  } as unknown as TabProps;
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <PipelineSection {...props} />
      </ToastProvider>
    </QueryClientProvider>,
  );
  return { server, go, user: userEvent.setup() };
}

const PIPELINE = { pipeline: ["zero", "cold", "dev1"] };

it("a plain run shows nothing and asks nothing", () => {
  const { server } = shown({ pipeline: [] });
  expect(document.body.textContent).toBe("");
  expect(server.to("GET /api/v1/runs/12/stages")).toHaveLength(0);
});

it("each stage says where it is, what it took and its score", async () => {
  shown(PIPELINE);
  const zero = await screen.findByRole("button", { name: /zero/ });
  expect(zero).toHaveTextContent("2m 10s");
  expect(zero).toHaveTextContent("62.5 % 50.0–75.0");
  const cold = screen.getByRole("button", { name: /cold/ });
  expect(cold).toHaveAttribute("aria-current", "step");
  expect(cold).toHaveTextContent("3 of 10 steps");
  expect(screen.getByText("data of cold to dev1")).toBeInTheDocument();
});

it("a stage that is chosen zooms the charts to its steps, and back", async () => {
  const { user, go } = shown(PIPELINE);
  const cold = await screen.findByRole("button", { name: /cold/ });
  await user.click(cold);
  expect(go).toHaveBeenLastCalledWith({ zoom: [10, 20] });
  expect(cold).toHaveAttribute("aria-pressed", "true");
  await user.click(cold);
  expect(go).toHaveBeenLastCalledWith({ zoom: null });
});

it("the best of the results is marked", async () => {
  shown(PIPELINE);
  const table = await screen.findByRole("table");
  expect(within(table).getByText(/best/).closest("tr")).toHaveTextContent("model-1");
});

it("a stage is repeated, alone or to the end, once what it needs is there", async () => {
  const { user, server } = shown(PIPELINE);
  await user.click(await screen.findByRole("button", { name: /dev1/ }));
  expect(screen.getByRole("button", { name: "Repeat" })).toBeDisabled();
  expect(screen.getByText("It can be repeated once cold has finished.")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: /zero/ }));
  await user.click(screen.getByRole("button", { name: "Repeat" }));
  await user.click(screen.getByRole("button", { name: "To the end" }));
  expect(screen.getByText("Followed by cold, dev1.")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Start the run" }));
  const [request] = server.to("POST /api/v1/runs/12/stages/zero/repeat");
  expect(await request?.json()).toEqual({
    name: "r1-zero-nano · zero",
    to_end: true,
    config: {},
  });
});
