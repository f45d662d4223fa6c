import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import { Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import type { Schemas } from "@/api/client";
import { newQueryClient } from "@/api/queryClient";
import { laidOver, type Table } from "@/config/nested";
import { memoryEstimate } from "@/testing/memory";
import { runRow } from "@/testing/rows";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import NewRunPage from "./NewRunPage";

const integer = (initial: number) => ({ type: "integer", default: initial });
const SCHEMA = {
  type: "object",
  properties: {
    task: {
      type: "object",
      properties: {
        name: { type: "string", enum: ["chain_sum", "gcd"], default: "chain_sum" },
        options: { type: "object", default: {} },
      },
    },
    grpo: { type: "object", properties: { steps: integer(300), group_size: integer(16) } },
  },
};
const CONFIG: Table = {
  task: { name: "chain_sum", options: { min_terms: 2 } },
  grpo: { steps: 300, group_size: 16 },
};
const PRESET = { name: "nano", description: "A small one.", settings: {}, config: CONFIG };

let requests: Requests;
let memory: Schemas["MemoryEstimate"] | null;
/** What the server says of a config that was changed. */
let refused: Schemas["FieldProblem"][];

function validation(): Schemas["Validation"] {
  const valid = refused.length === 0;
  return {
    valid,
    config: valid ? CONFIG : null,
    overrides: valid ? {} : null,
    digest: null,
    arithmetic: valid ? ARITHMETIC : null,
    memory: valid ? memory : null,
    memory_note: valid && !memory ? "The shape is known only on the node." : null,
    problems: refused,
  };
}

const ARITHMETIC = {
  completions_per_step: 128,
  prompts_per_process: 8,
  completions_per_process: 128,
  longest_completion: 64,
  max_tokens_per_step: 8192,
  steps: 300,
  total_completions: 38400,
  evaluations: 15,
  checkpoints: 6,
  stages: [],
};

beforeEach(() => {
  sessionStorage.clear();
  refused = [];
  memory = memoryEstimate();
  requests = fakeServer({
    "GET /api/v1/presets": () => ({ items: [PRESET], next_cursor: null }),
    "GET /api/v1/config-schema": () => SCHEMA,
    "GET /api/v1/runs": () => ({ items: [runRow()], next_cursor: null }),
    "GET /api/v1/runs/12": () => ({
      ...runRow({ name: "parent", preset: "nano", tags: ["night"] }),
      config: laidOver(CONFIG, { grpo: { group_size: 4 } }),
      preset_config: CONFIG,
      start_checkpoint: null,
    }),
    "GET /api/v1/runs/12/checkpoints": () => ({
      items: [{ id: 5, run: 12, step: 50, bytes: 1024, deleted_at: null }],
      next_cursor: null,
    }),
    "POST /api/v1/configs/validate": () => validation(),
    "POST /api/v1/runs": () => runRow({ id: 7 }),
    "POST /api/v1/runs/12/fork": () => runRow({ id: 8, tags: ["night"] }),
  });
});

function open(path = "/new") {
  const place = memoryLocation({ path, record: true });
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <Router hook={place.hook} searchHook={place.searchHook}>
          <NewRunPage />
        </Router>
      </ToastProvider>
    </QueryClientProvider>,
  );
  return place;
}

const startButton = () => screen.findByRole("button", { name: "Start the run" });
const sent = async (route: string) => (await requests.to(route).at(-1)?.clone().json()) as unknown;

test("only what differs from the preset is sent, and the page goes to the new run", async () => {
  const place = open();
  const size = await screen.findByLabelText(/^Group size/);
  await userEvent.clear(size);
  await userEvent.type(size, "8");
  await waitFor(async () => expect(await startButton()).toBeEnabled());
  await userEvent.click(await startButton());
  await waitFor(() => expect(place.history.at(-1)).toBe("/runs/7"));
  expect(await sent("POST /api/v1/runs")).toEqual({
    preset: "nano",
    name: "nano",
    config: { grpo: { group_size: 8 } },
    checkpoint: null,
    tags: [],
    priority: 0,
    preemptible: false,
  });
});

test("a changed field is marked, and goes back to the preset", async () => {
  open();
  const steps = await screen.findByLabelText(/^Steps/);
  await userEvent.type(steps, "0");
  expect(steps).toHaveAccessibleName("Steps (differs from the preset)");
  await userEvent.click(screen.getByRole("button", { name: "Back to the preset" }));
  expect(steps).toHaveValue("300");
  expect(steps).toHaveAccessibleName("Steps");
});

test("a problem stands at its field, and nothing can be started", async () => {
  refused = [{ path: "grpo.group_size", message: "Take 2 or more, not 1.", code: "too_small" }];
  open();
  const size = await screen.findByLabelText(/^Group size/);
  await waitFor(() => expect(size).toHaveAccessibleDescription(/Take 2 or more, not 1\./));
  expect(size).toBeInvalid();
  expect(await startButton()).toBeDisabled();
});

test("a pasted config fills the form, and what no field knows is shown beside it", async () => {
  refused = [{ path: "grpo.grup", message: "There is no field “grpo.grup”.", code: "extra" }];
  open();
  await userEvent.click(await screen.findByRole("tab", { name: "TOML or JSON" }));
  const text = await screen.findByLabelText("Settings, as TOML or JSON");
  await waitFor(() => expect(text).toHaveValue(""));
  await userEvent.click(text);
  await userEvent.paste('{"grpo": {"steps": 40, "grup": 1}}');
  await waitFor(async () =>
    expect(await sent("POST /api/v1/configs/validate")).toMatchObject({
      config: { grpo: { steps: 40, grup: 1 } },
    }),
  );
  await userEvent.click(screen.getByRole("tab", { name: "Form" }));
  expect(screen.getByLabelText(/^Steps/)).toHaveValue("40");
  const beside = screen.getByRole("complementary", { name: "What it comes to" });
  expect(within(beside).getByText("There is no field “grpo.grup”.")).toBeVisible();
});

test("a run's checkpoint in the address makes a fork of that run", async () => {
  const place = open("/new?from=12&checkpoint=5");
  expect(await screen.findByLabelText("Name")).toHaveValue("parent");
  expect(screen.getByLabelText(/^Group size/)).toHaveValue("4");
  await waitFor(async () => expect(await startButton()).toBeEnabled());
  await userEvent.click(await startButton());
  await waitFor(() => expect(place.history.at(-1)).toBe("/runs/8"));
  expect(await sent("POST /api/v1/runs/12/fork")).toMatchObject({
    name: "parent",
    checkpoint: 5,
    config: { grpo: { steps: 300, group_size: 4 } },
  });
});

test("a run that may give way is started so", async () => {
  open();
  await userEvent.click(await screen.findByRole("checkbox", { name: "Preemptible" }));
  await waitFor(async () => expect(await startButton()).toBeEnabled());
  await userEvent.click(await startButton());
  await waitFor(async () =>
    expect(await sent("POST /api/v1/runs")).toMatchObject({ preemptible: true }),
  );
});

test("a fork is as preemptible as its run, unless that is changed", async () => {
  requests.answer("GET /api/v1/runs/12", () => ({
    ...runRow({ preset: "nano", preemptible: true }),
    config: CONFIG,
    preset_config: CONFIG,
    start_checkpoint: null,
  }));
  requests.answer("POST /api/v1/runs/12/fork", () => runRow({ id: 8, preemptible: true }));
  requests.answer("PATCH /api/v1/runs/8", () => runRow({ id: 8 }));
  const place = open("/new?from=12&checkpoint=5");
  const given = await screen.findByRole("checkbox", { name: "Preemptible" });
  expect(given).toBeChecked();
  await userEvent.click(given);
  await waitFor(async () => expect(await startButton()).toBeEnabled());
  await userEvent.click(await startButton());
  await waitFor(() => expect(place.history.at(-1)).toBe("/runs/8"));
  expect(await sent("PATCH /api/v1/runs/8")).toEqual({ tags: [], preemptible: false });
});

test("the memory of a device is told by part, with what would still fit", async () => {
  open();
  const panel = await screen.findByRole("region", { name: "Memory per device" });
  expect(panel).toHaveTextContent("1000 B at most at once, in training");
  const row = (label: string) => within(panel).getByText(label).closest("div");
  expect(row("Activations")).toHaveTextContent("600 B");
  expect(row("Latent cache")).toHaveTextContent("in sampling 80 B");
  expect(row("With the longest completions")).toHaveTextContent("2 KiB");
  expect(row("A device has")).toHaveTextContent("4 KiB: fits");
  expect(row("Most chunk tokens that fit")).toHaveTextContent("8,320");
});

test("what does not fit is said, and what is unknown is not guessed", async () => {
  memory = memoryEstimate({ device_bytes: 10, fits: false, largest_chunk_tokens: 0 });
  open();
  expect(await screen.findByText(/does not fit/)).toBeVisible();
  expect(screen.getByText("none")).toBeVisible();
});

test("a model whose shape is unknown here is not estimated", async () => {
  memory = null;
  open();
  expect(await screen.findByText("The shape is known only on the node.")).toBeVisible();
});
