import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import type { DeletedRun, RunDetail } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { DeleteDialog } from "@/run/RunDialogs";
import { runRow } from "@/testing/rows";
import { fakeServer, type Requests } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import DeletedPage from "./DeletedPage";

let requests: Requests;
let deleted: DeletedRun[];

beforeEach(() => {
  const gone = { id: 12, project: "default", name: "sums", state: "finished", step: 84 };
  const when = { deleted_at: new Date().toISOString(), deleted_by: "olga" };
  deleted = [
    { ...gone, ...when, kept_until: new Date(Date.now() + 6.5 * 86_400_000).toISOString() },
    { ...gone, ...when, id: 13, kept_until: null },
  ];
  requests = fakeServer({
    "GET /api/v1/deleted-runs": () => ({ items: deleted, next_cursor: null }),
    "DELETE /api/v1/runs/12": () => ({}),
    "POST /api/v1/runs/12/restore": () => {
      deleted = deleted.slice(1);
      return runRow();
    },
  });
});

function open(page: React.ReactNode) {
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>{page}</ToastProvider>
    </QueryClientProvider>,
  );
}

test("each deleted run says until when it is kept, and comes back", async () => {
  open(<DeletedPage />);
  expect(await screen.findByText("in 6d")).toBeVisible();
  expect(screen.getByText("while runs that started from it are")).toBeVisible();
  await userEvent.click(screen.getAllByRole("button", { name: "Restore" })[0] as Element);
  expect(await screen.findByText("sums · #12 is back.")).toBeVisible();
  expect(screen.getAllByRole("button", { name: "Restore" })).toHaveLength(1);
});

test("a run is deleted once its very name is typed, and undone from the message", async () => {
  open(<DeleteDialog run={runRow({ name: "sums" }) as RunDetail} onClose={() => undefined} />);
  const hidden = { hidden: true };
  const button = screen.getByRole("button", { name: "Delete the run", ...hidden });
  const field = screen.getByLabelText("Type sums to delete it");
  await userEvent.type(field, "sum");
  expect(button).toBeDisabled();
  await userEvent.type(field, "s");
  await userEvent.click(button);
  const [sent] = requests.to("DELETE /api/v1/runs/12");
  expect(new URL(sent?.url ?? "").searchParams.get("name")).toBe("sums");
  await userEvent.click(await screen.findByRole("button", { name: "Undo" }));
  expect(requests.to("POST /api/v1/runs/12/restore")).toHaveLength(1);
});
