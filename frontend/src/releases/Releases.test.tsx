import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { Checkpoint } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import type { Release } from "./queries";
import { ReleaseDialog } from "./ReleaseDialog";
import { ReleaseList } from "./ReleaseList";

const CHECKPOINT: Checkpoint = {
  id: 5,
  run: 12,
  attempt: 1,
  step: 50,
  path: "checkpoints/step-000050",
  bytes: 1,
  reason: "final",
  created_at: new Date().toISOString(),
  deleted_at: null,
};
const READY: Release = {
  id: 3,
  run: 12,
  checkpoint: 5,
  step: 50,
  dtype: "fp8",
  state: "ready",
  reason: "",
  asked_by: "olga",
  asked_at: new Date().toISOString(),
  ended_at: new Date().toISOString(),
  node: "laptop",
  path: "runs/run-000012/releases/step-000050-fp8",
  push_to: "",
  pushed_to: "",
  checked: "transformers agrees, largest logit difference 5.7e-06",
  bytes: 3 * 2 ** 20,
};

function show(what: React.ReactNode) {
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>{what}</ToastProvider>
    </QueryClientProvider>,
  );
}

test("a ready one shows its check, its files and a command that resumes", async () => {
  fakeServer({
    "GET /api/v1/runs/12/releases": () => ({ items: [READY], next_cursor: null }),
    "GET /api/v1/releases/3/files": () => ({
      items: [{ name: "model.safetensors", bytes: 3 * 2 ** 20, sha256: "ab".repeat(32) }],
    }),
  });
  show(<ReleaseList runId={12} />);
  const card = await screen.findByRole("article", { name: "Step 50 in FP8" });
  expect(card).toHaveTextContent("ready");
  expect(card).toHaveTextContent("transformers agrees");
  const link = await within(card).findByRole("link", { name: "model.safetensors", hidden: true });
  expect(link).toHaveAttribute("href", "/api/v1/releases/3/files/model.safetensors");
  expect(card).toHaveTextContent("curl -f -C -");
});

test("one that failed says why, and offers no files", async () => {
  const failed = {
    ...READY,
    state: "failed" as const,
    bytes: 0,
    checked: "",
    reason: "Disk full.",
  };
  fakeServer({ "GET /api/v1/runs/12/releases": () => ({ items: [failed], next_cursor: null }) });
  show(<ReleaseList runId={12} />);
  const card = await screen.findByRole("article");
  expect(card).toHaveTextContent("Disk full.");
  expect(within(card).queryByText("Files and download")).toBeNull();
});

test("the dialog asks for dtype and repository, and says what is wrong at its field", async () => {
  const closed = vi.fn();
  const requests = fakeServer({
    "POST /api/v1/checkpoints/5/releases": () => {
      const error = { path: "push", message: "Give owner/name.", code: "invalid" };
      throw Response.json({ detail: "push: …", code: "invalid", errors: [error] }, { status: 422 });
    },
  });
  show(<ReleaseDialog checkpoint={CHECKPOINT} mayPush onClose={closed} />);
  await userEvent.selectOptions(screen.getByLabelText("Weights"), "fp8");
  await userEvent.type(screen.getByLabelText("Push to a hub"), "adder");
  await userEvent.click(screen.getByRole("button", { name: "Release" }));
  expect((await screen.findAllByText("Give owner/name."))[0]).toBeVisible();
  expect(closed).not.toHaveBeenCalled();
  const [sent] = requests.to("POST /api/v1/checkpoints/5/releases");
  expect(await sent?.json()).toEqual({ dtype: "fp8", push: "adder" });
});

test("who may not push is not asked about it", () => {
  show(<ReleaseDialog checkpoint={CHECKPOINT} mayPush={false} onClose={() => undefined} />);
  expect(screen.queryByLabelText("Push to a hub")).toBeNull();
});
