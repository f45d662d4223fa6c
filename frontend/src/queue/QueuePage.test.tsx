import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import type { QueuedRun, ResumingRun } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import QueuePage from "./QueuePage";

const WAITS: QueuedRun = {
  run: 7,
  name: "sums",
  project: "default",
  owner: "operator",
  priority: 2,
  preemptible: true,
  position: 3,
  devices: 4,
  nodes: 2,
  kept_nodes: ["gpu-1", "gpu-2"],
  reason: "First in line: waiting for a free device on gpu-1.",
  possible: true,
  starts_in_s: 125,
  queued_at: "2026-03-01T12:00:00Z",
  may_change: true,
};
const GOES_ON: ResumingRun = {
  run: 8,
  name: "products",
  project: "default",
  owner: "operator",
  reason: "The trainer crashed. Goes on by itself from step 50 at 12:05:00 UTC (1 of 3).",
  resume_at: new Date(Date.now() + 150_000).toISOString(),
};
const PROJECTS = [{ slug: "default", name: "Default", devices_held: 2, device_quota: 8 }];

let requests: Requests;

beforeEach(() => {
  requests = fakeServer({
    "GET /api/v1/queue": () => ({
      items: [WAITS],
      next_cursor: null,
      length: 5,
      resuming: [],
      projects: PROJECTS,
    }),
    "PATCH /api/v1/runs/7": () => ({}),
  });
});

function open() {
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <QueuePage />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const line = () =>
  screen.findByRole("link", { name: "sums" }).then((link) => link.closest("tr") as HTMLElement);

test("a waiting run shows its place, its reason and when it starts", async () => {
  open();
  const row = await line();
  expect(row).toHaveTextContent("First in line: waiting for a free device on gpu-1.");
  expect(row).toHaveTextContent("about 2m 05s");
  expect(within(row).getByText("preemptible")).toBeVisible();
  expect(row).toHaveTextContent("4 on 2 nodes");
  expect(within(row).getByText("keeps 2 nodes")).toHaveAttribute(
    "title",
    "Nothing else starts on gpu-1, gpu-2",
  );
  expect(screen.getByText("holds 2 of 8 devices")).toBeVisible();
});

test("raising the priority asks the server and looks at the queue again", async () => {
  open();
  const row = await line();
  await userEvent.click(within(row).getByRole("button", { name: "Raise the priority of sums" }));
  await waitFor(() => expect(requests.to("GET /api/v1/queue")).toHaveLength(2));
  const [request] = requests.to("PATCH /api/v1/runs/7");
  expect(await request?.json()).toEqual({ priority: 3 });
});

test("a run of a project where one may only look has no buttons", async () => {
  requests.answer("GET /api/v1/queue", () => ({
    items: [{ ...WAITS, may_change: false }],
    next_cursor: null,
    length: 1,
    resuming: [],
    projects: [],
  }));
  open();
  expect(within(await line()).queryAllByRole("button")).toEqual([]);
});

test("a run that can never start says so instead of a time", async () => {
  requests.answer("GET /api/v1/queue", () => ({
    items: [{ ...WAITS, possible: false, starts_in_s: null }],
    next_cursor: null,
    length: 1,
    resuming: [],
    projects: [],
  }));
  open();
  expect(await line()).toHaveTextContent("never");
});

test("an empty queue says so", async () => {
  requests.answer("GET /api/v1/queue", () => ({
    items: [],
    next_cursor: null,
    length: 2,
    resuming: [],
    projects: PROJECTS,
  }));
  open();
  expect(
    await screen.findByText("Ahead of whatever you start: 2 runs of other projects."),
  ).toBeVisible();
});

test("a run that pauses before it goes on stands apart, with what happened and when", async () => {
  requests.answer("GET /api/v1/queue", () => ({
    items: [],
    next_cursor: null,
    length: 0,
    resuming: [GOES_ON, { ...GOES_ON, run: 9, name: "late", resume_at: "2026-03-01T12:00:00Z" }],
    projects: PROJECTS,
  }));
  open();
  const part = await screen.findByRole("region", { name: "Going on by itself" });
  const row = (name: string) => within(part).getByRole("link", { name }).closest("tr");
  expect(row("products")).toHaveTextContent("The trainer crashed. Goes on by itself from step 50");
  expect(row("products")).toHaveTextContent("in 2m");
  expect(row("late")).toHaveTextContent("any moment");
  expect(screen.getByText("Nothing of yours waits for devices")).toBeVisible();
});

test("without such a run the part is not there", async () => {
  open();
  await line();
  expect(screen.queryByText("Going on by itself")).toBeNull();
});

test("the rest of a long queue comes on asking, each run once", async () => {
  const rest = { ...WAITS, run: 9, name: "rest" };
  requests.answer("GET /api/v1/queue", ({ url }) => {
    const later = new URL(url).searchParams.get("cursor") === "second";
    return {
      items: later ? [WAITS, rest] : [WAITS],
      next_cursor: later ? null : "second",
      length: 2,
      resuming: [],
      projects: PROJECTS,
    };
  });
  open();
  await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByRole("link", { name: "rest" })).toBeVisible();
  expect(screen.getAllByRole("link", { name: "sums" })).toHaveLength(1);
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});
