import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import { Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import type { Delivery, Project, Target } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { alertRow, alertRule } from "@/testing/rows";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import ProjectPage from "./ProjectPage";
import ProjectsPage from "./ProjectsPage";

const SUMS: Project = {
  slug: "sums",
  name: "Sums",
  role: "owner",
  runs: 3,
  bytes: 3 * 2 ** 30,
  checkpoint_bytes: 2 * 2 ** 30,
  journal_bytes: 2 ** 30,
  other_bytes: 0,
  release_bytes: 0,
  deleted_bytes: 2 ** 20,
  points: 1_200_000,
  completions: 64_000,
  measured_at: new Date().toISOString(),
};
const PAGER: Target = {
  id: 1,
  name: "pager",
  kind: "webhook",
  address: "https://pager.example.org/…",
  enabled: true,
  created_at: "2026-03-01T12:00:00Z",
};

let requests: Requests;
let projects: Project[];
let targets: Target[];
let deliveries: Delivery[];

const delivery = (changes: Partial<Delivery>): Delivery => ({
  ...(alertRow().deliveries[0] as Delivery),
  ...changes,
});
const list = (items: unknown[]) => ({ items, next_cursor: null });

beforeEach(() => {
  projects = [SUMS, { ...SUMS, slug: "theirs", name: "Theirs", role: null }];
  targets = [PAGER];
  deliveries = [delivery({})];
  requests = fakeServer({
    "GET /api/v1/projects": () => ({ items: projects }),
    "GET /api/v1/projects/sums/alerts": () => list([alertRow(), alertRow({ id: 2, run: null })]),
    "GET /api/v1/projects/sums/alert-rules": () =>
      list([alertRule({ kind: "project_budget", unit: "usd", limit: 40, used: 10, days: 7 })]),
    "GET /api/v1/projects/sums/alert-targets": () => list(targets),
    "GET /api/v1/projects/sums/alert-deliveries": () => list(deliveries),
    "GET /api/v1/projects/sums/sizes": () => list([]),
    "POST /api/v1/projects/sums/alert-targets": () => PAGER,
    "PATCH /api/v1/alert-targets/1": () => PAGER,
    "POST /api/v1/alert-targets/1/test": () => {
      deliveries = [delivery({ id: 2, alert: null, status: "sent", error: "" }), ...deliveries];
      return deliveries[0];
    },
  });
});

function open(address: string) {
  const [path = "", search = ""] = address.split("?");
  const place = memoryLocation({ path, searchPath: search });
  const slug = path.split("/")[2];
  render(
    <Router hook={place.hook} searchHook={place.searchHook}>
      <QueryClientProvider client={newQueryClient()}>
        <ToastProvider>{slug ? <ProjectPage slug={slug} /> : <ProjectsPage />}</ToastProvider>
      </QueryClientProvider>
    </Router>,
  );
}

test("each project says what it takes, and only those one is in open", async () => {
  open("/projects");
  const row = (await screen.findByRole("link", { name: "Sums" })).closest("tr");
  expect(row).toHaveTextContent("3 GiB2 GiB1 GiB1 MiB1.2 M64 k");
  expect(screen.queryByRole("link", { name: "Theirs" })).toBeNull();
  expect(screen.getByText("Theirs")).toBeVisible();
});

test("alerts of all runs name their run, those of a budget none", async () => {
  open("/projects/sums");
  expect(await screen.findByRole("link", { name: "sums #12" })).toBeVisible();
  expect(screen.getByText("all of the project")).toBeVisible();
});

test("a project's budget shows what is used, and may act on all its runs", async () => {
  open("/projects/sums?tab=rules");
  expect(await screen.findByText("$10.00 used")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Add a rule" }));
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  await userEvent.selectOptions(dialog.getByLabelText("Fires when"), "project_budget");
  expect(dialog.getByLabelText("In the last")).toHaveValue("30");
  expect(
    dialog.getByRole("option", { name: "pauses the project's runs", hidden: true }),
  ).toBeTruthy();
});

test("a target is tested, and the log tells how it went", async () => {
  open("/projects/sums?tab=targets");
  await userEvent.click(await screen.findByRole("button", { name: "Test pager" }));
  const row = (await screen.findByRole("cell", { name: "Test" })).closest("tr");
  expect(row).toHaveTextContent("sent");
  expect(screen.getByText("Answered 500.")).toBeVisible();
});

test("a new webhook goes out with its secret; a refusal stands at its field", async () => {
  requests.answer("POST /api/v1/projects/sums/alert-targets", () => {
    const errors = [{ path: "secret", message: "A webhook needs a secret.", code: "invalid" }];
    const problem = { title: "No", status: 422, detail: "No", code: "invalid", type: "", errors };
    throw Response.json(problem, { status: 422 });
  });
  open("/projects/sums?tab=targets");
  await userEvent.click(await screen.findByRole("button", { name: "Add a target" }));
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  await userEvent.type(dialog.getByLabelText("Name"), "duty");
  await userEvent.type(dialog.getByLabelText("URL"), "https://x.example/");
  await userEvent.click(dialog.getByRole("button", { name: "Add the target", hidden: true }));
  expect(await dialog.findByText("A webhook needs a secret.")).toBeInTheDocument();
  const [sent] = requests.to("POST /api/v1/projects/sums/alert-targets");
  expect(await sent?.json()).toEqual({
    name: "duty",
    kind: "webhook",
    address: "https://x.example/",
  });
});

test("what is left empty in a target stays as it is", async () => {
  open("/projects/sums?tab=targets");
  await userEvent.click(await screen.findByRole("button", { name: "Change pager" }));
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  await userEvent.type(dialog.getByLabelText("Name"), " 2");
  await userEvent.click(dialog.getByRole("button", { name: "Save", hidden: true }));
  const [sent] = requests.to("PATCH /api/v1/alert-targets/1");
  expect(await sent?.json()).toEqual({ name: "pager 2" });
});

test("a viewer sees targets and no way to change them", async () => {
  projects = [{ ...SUMS, role: "viewer" }];
  open("/projects/sums?tab=targets");
  expect(await screen.findByRole("checkbox", { name: "pager is on" })).toBeDisabled();
  expect(screen.queryByRole("button", { name: /Test|Add a target|Change|Delete/ })).toBeNull();
});
