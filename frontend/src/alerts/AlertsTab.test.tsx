import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test, vi } from "vitest";
import type { RunDetail } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { factsOf } from "@/live/facts";
import { SeriesTable } from "@/live/series";
import type { TabProps } from "@/run/RunPage";
import { alertRow, alertRule, runRow } from "@/testing/rows";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import { AlertsTab } from "./AlertsTab";

let requests: Requests;
let rules = [alertRule()];
let alerts = [alertRow()];
const go = vi.fn();

beforeEach(() => {
  rules = [alertRule(), alertRule({ id: 2, name: "Silence", kind: "absence", seconds: 60 })];
  alerts = [alertRow(), alertRow({ id: 2, value: "NaN", cleared_at: "2026-03-01T12:00:00Z" })];
  requests = fakeServer({
    "GET /api/v1/runs/12/alerts": () => ({ items: alerts, next_cursor: null }),
    "GET /api/v1/runs/12/alert-rules": () => ({ items: rules, next_cursor: null }),
    "GET /api/v1/projects/default/alert-rules": () => ({ items: [], next_cursor: null }),
    "POST /api/v1/alerts/1/acknowledge": () => {
      alerts = [alertRow({ acknowledged_by: "olga" })];
      return alerts[0];
    },
    "PATCH /api/v1/alert-rules/1": () => rules[0],
    "POST /api/v1/runs/12/alert-rules": () => rules[0],
  });
});

function open(change = true) {
  const permissions = { change, stop: change, resume: false, fork: false, delete: false };
  const props = {
    run: { ...runRow(), permissions } as unknown as RunDetail,
    facts: factsOf({ state: "running", reason: "", step: 84 }),
    store: { series: SeriesTable.from([]) },
    go,
  } as unknown as TabProps;
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <AlertsTab {...props} />
      </ToastProvider>
    </QueryClientProvider>,
  );
}

const alertRows = async () => {
  const table = (await screen.findAllByRole("table"))[0] as HTMLElement;
  return within(table).getAllByRole("row").slice(1);
};

test("each alert shows its state, value and how sending went", async () => {
  open();
  await screen.findByText("cleared");
  const [first, second] = (await alertRows()) as [HTMLElement, HTMLElement];
  expect(first).toHaveTextContent("firing");
  expect(first).toHaveTextContent("kl/mean is above 1: 1.7 at step 84.");
  expect(first).toHaveTextContent("pager: failed");
  expect(within(first).getByTitle("Answered 500.")).toBeVisible();
  expect(second).toHaveTextContent("NaN");
});

test("an alert is acknowledged, and its step leads to the charts", async () => {
  open();
  await userEvent.click(
    (await screen.findAllByRole("button", { name: "Acknowledge" }))[0] as Element,
  );
  expect(await screen.findByText("by olga")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "84" }));
  expect(go).toHaveBeenCalledWith({ tab: "overview", step: 84 });
});

test("a rule is switched off", async () => {
  open();
  await userEvent.click(await screen.findByRole("checkbox", { name: "KL blow-up is on" }));
  const sent = requests.to("PATCH /api/v1/alert-rules/1");
  expect(await sent[0]?.json()).toEqual({ enabled: false });
});

test("a new rule asks for what its kind needs, and shows what the server refuses", async () => {
  requests.answer("POST /api/v1/runs/12/alert-rules", () => {
    const error = { path: "limit", message: "Input should be a valid number.", code: "float" };
    throw Response.json(
      { title: "No", status: 422, detail: "No", code: "invalid", type: "", errors: [error] },
      { status: 422 },
    );
  });
  open();
  await userEvent.click(
    (await screen.findAllByRole("button", { name: "Add a rule" }))[0] as Element,
  );
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  const hidden = { hidden: true };
  await userEvent.type(dialog.getByLabelText("Name"), "Spikes");
  await userEvent.type(dialog.getByLabelText("Limit"), "a lot");
  await userEvent.click(dialog.getByRole("button", { name: "Add the rule", ...hidden }));
  expect(await dialog.findByText("Input should be a valid number.")).toBeInTheDocument();
  await userEvent.selectOptions(dialog.getByLabelText("Fires when"), "absence");
  expect(dialog.queryByLabelText("Limit")).toBeNull();
  expect(dialog.getByLabelText("For")).toHaveValue("1800");
});

test("a budget is asked for in its unit, and shows how much is used", async () => {
  rules = [alertRule({ kind: "budget", unit: "usd", limit: 40, used: 10, metric: "" })];
  open();
  expect(await screen.findByText("$10.00 used")).toBeVisible();
  await userEvent.click(screen.getAllByRole("button", { name: "Add a rule" })[0] as Element);
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  const kind = dialog.getByLabelText("Fires when");
  expect(within(kind).queryByText(/The project costs/)).toBeNull(); // it is a run's rule
  await userEvent.selectOptions(kind, "budget");
  await userEvent.type(dialog.getByLabelText("Name"), "Cost");
  await userEvent.type(dialog.getByLabelText("Limit"), "12");
  await userEvent.selectOptions(dialog.getByLabelText("And then"), "pause");
  await userEvent.click(dialog.getByRole("button", { name: "Add the rule", hidden: true }));
  const sent = requests.to("POST /api/v1/runs/12/alert-rules");
  expect(await sent[0]?.json()).toMatchObject({ unit: "device_hours", limit: 12, action: "pause" });
});

test("who may only look sees no way to change anything", async () => {
  open(false);
  expect(await screen.findByRole("checkbox", { name: "KL blow-up is on" })).toBeDisabled();
  expect(screen.queryByRole("button", { name: "Acknowledge" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Add a rule" })).toBeNull();
});
