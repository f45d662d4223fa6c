import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import type { RunDetail } from "@/api/queries";
import { newQueryClient } from "@/api/queryClient";
import { runRow } from "@/testing/rows";
import { fakeServer } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import { EditDialog } from "./EditDialog";

test("name, tags and whether it may give way are saved together", async () => {
  const requests = fakeServer({ "PATCH /api/v1/runs/12": () => runRow() });
  const close = vi.fn();
  const run = runRow({ name: "sums", tags: ["night"], preemptible: true }) as RunDetail;
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <EditDialog run={run} onClose={close} />
      </ToastProvider>
    </QueryClientProvider>,
  );
  const hidden = { hidden: true };
  const given = screen.getByRole("checkbox", { name: "Preemptible", ...hidden });
  expect(given).toBeChecked();
  expect(given).toHaveAccessibleDescription(/^It may have to save and wait/);
  await userEvent.click(given);
  await userEvent.type(screen.getByLabelText("Name"), " of three");
  await userEvent.click(screen.getByRole("button", { name: "Save", ...hidden }));
  await waitFor(() => expect(close).toHaveBeenCalled());
  const [sent] = requests.to("PATCH /api/v1/runs/12");
  expect(await sent?.json()).toEqual({
    name: "sums of three",
    tags: ["night"],
    preemptible: false,
  });
});
