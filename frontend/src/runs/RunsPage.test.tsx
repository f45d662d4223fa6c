import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useEffect } from "react";
import { beforeEach, expect, test, vi } from "vitest";
import { Router } from "wouter";
import { memoryLocation } from "wouter/memory-location";
import { newQueryClient } from "@/api/queryClient";
import { handleKey } from "@/app/shortcuts";
import { runRow } from "@/testing/rows";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import { RunsPage } from "./RunsPage";

const RUNS = [
  runRow({ id: 3, name: "third" }),
  runRow({ id: 2, name: "second", state: "stopped", desired: "stopped" }),
  runRow({ id: 1, name: "first", state: "finished", step: 300 }),
];

let requests: Requests;
let runs: ReturnType<typeof runRow>[];

beforeEach(() => {
  runs = RUNS;
  requests = fakeServer({
    "GET /api/v1/runs": () => ({ items: runs, next_cursor: null }),
    "GET /api/v1/runs/columns": () => ({ items: ["entropy/mean", "kl/mean"] }),
    "GET /api/v1/presets": () => ({ items: [], next_cursor: null }),
    "POST /api/v1/runs": () => ({ ...runRow({ id: 7 }) }),
    "POST /api/v1/runs/3/stop": () => runs[0],
  });
});

/** The page's keys work through the window, as in the frame around every page. */
function Keys() {
  useEffect(() => {
    window.addEventListener("keydown", handleKey);
    return () => window.removeEventListener("keydown", handleKey);
  }, []);
  return null;
}

function open(path = "/") {
  const place = memoryLocation({ path, record: true });
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <Router hook={place.hook} searchHook={place.searchHook}>
          <Keys />
          <RunsPage />
        </Router>
      </ToastProvider>
    </QueryClientProvider>,
  );
  return place;
}

const line = (name: string) =>
  screen.findByRole("link", { name }).then((link) => link.closest("[role=row]") as HTMLElement);

test("j and k move along the runs, Enter opens the one that has the focus", async () => {
  const place = open();
  await line("third");
  await userEvent.keyboard("jjj");
  expect(screen.getByRole("link", { name: "first" })).toHaveFocus();
  await userEvent.keyboard("k{Enter}");
  expect(place.history.at(-1)).toBe("/runs/2");
});

test("x selects the run the keys stand on", async () => {
  open();
  const third = await line("third");
  await userEvent.keyboard("jx");
  expect(within(third).getByRole("checkbox")).toBeChecked();
  await userEvent.keyboard("x");
  expect(within(third).getByRole("checkbox")).not.toBeChecked();
});

test("s asks before it stops the run", async () => {
  open();
  await line("third");
  await userEvent.keyboard("js");
  const dialog = await screen.findByRole("dialog", { name: "Stop this run?" });
  expect(requests.to("POST /api/v1/runs/3/stop")).toHaveLength(0);
  await userEvent.click(within(dialog).getByRole("button", { name: "Stop the run" }));
  await waitFor(() => expect(requests.to("POST /api/v1/runs/3/stop")).toHaveLength(1));
  await waitFor(() => expect(screen.queryByRole("dialog")).not.toBeInTheDocument());
});

test("a run offers what can be done with it: stop, resume, or nothing", async () => {
  open();
  const actions = async (name: string) =>
    within(await line(name))
      .queryAllByRole("button")
      .map((button) => button.getAttribute("aria-label"));
  expect(await actions("third")).toEqual(["Stop"]);
  expect(await actions("second")).toEqual(["Resume"]);
  expect(await actions("first")).toEqual([]);
});

test("the address decides what is asked for, and a chip changes the address", async () => {
  const place = open("/?state=failed&sort=name");
  await line("third");
  const asked = new URL(requests.to("GET /api/v1/runs")[0]?.url ?? "").searchParams;
  expect(asked.getAll("state")).toEqual(["failed"]);
  expect(asked.get("sort")).toBe("name");
  await userEvent.click(screen.getByRole("button", { name: "Finished" }));
  expect(place.history.at(-1)).toBe("/?state=failed&state=finished&sort=name");
});

test("without any run one button starts the demonstration, once", async () => {
  runs = [];
  const place = open();
  await userEvent.click(await screen.findByRole("button", { name: "Start the demonstration" }));
  await waitFor(() => expect(place.history.at(-1)).toBe("/runs/7"));
  const [request] = requests.to("POST /api/v1/runs");
  expect(request?.headers.get("Idempotency-Key")).toBeTruthy();
  expect(await request?.json()).toMatchObject({ preset: "r1-zero-nano" });
});

test("filters that fit nothing say so and can be cleared", async () => {
  runs = [];
  const place = open("/?q=nothing");
  await userEvent.click(await screen.findByRole("button", { name: "Clear the filters" }));
  expect(place.history.at(-1)).toBe("/");
});

test("a refused list says why and asks again when told to", async () => {
  requests.answer("GET /api/v1/runs", () => {
    throw new Response(JSON.stringify({ title: "Forbidden", detail: "Not yours." }), {
      status: 403,
    });
  });
  open();
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("Not yours.");
  requests.answer("GET /api/v1/runs", () => ({ items: RUNS, next_cursor: null }));
  await userEvent.click(within(alert).getByRole("button", { name: "Try again" }));
  expect(await line("third")).toBeVisible();
});

vi.mock("@/live/socket", () => ({ connect: () => ({ close: () => undefined }) }));

test("chosen metrics get a column, by which the list can be sorted", async () => {
  runs = [runRow({ id: 3, name: "third", values: { "kl/mean": 0.25 } })];
  const user = userEvent.setup();
  const place = open();
  await line("third");
  await user.click(screen.getByRole("button", { name: "Columns" }));
  await user.click(await screen.findByRole("checkbox", { name: "kl/mean" }));
  await user.click(screen.getByRole("button", { name: "Done" }));
  expect(await screen.findByRole("cell", { name: "0.25" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "kl/mean" }));
  expect(place.history.at(-1)).toBe("/?column=kl%2Fmean&sort=-kl%2Fmean");
  await waitFor(() => {
    const asked = new URL(requests.to("GET /api/v1/runs").at(-1)?.url ?? "").searchParams;
    expect(asked.getAll("columns")).toEqual(["kl/mean"]);
    expect(asked.get("sort")).toBe("-kl/mean");
  });
});

test("a condition is asked for, put into the address, and taken off again", async () => {
  const user = userEvent.setup();
  const place = open();
  await line("third");
  await user.click(screen.getByRole("button", { name: "Condition" }));
  await user.type(await screen.findByLabelText("Number"), "much{Enter}");
  expect(screen.getByText("Give a number, such as 0.5.")).toBeVisible();
  await user.clear(screen.getByLabelText("Number"));
  await user.type(screen.getByLabelText("Number"), "0.5{Enter}");
  expect(place.history.at(-1)).toBe("/?where=reward%3E%3D0.5");
  await user.click(screen.getByRole("button", { name: "reward>=0.5" }));
  expect(place.history.at(-1)).toBe("/");
});

test("what is selected is compared by a key", async () => {
  const place = open();
  await line("third");
  await userEvent.keyboard("jxjxc");
  expect(place.history.at(-1)).toBe("/compare?runs=3,2");
});
