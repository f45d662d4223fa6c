import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer } from "@/testing/server";
import { ToastProvider } from "@/ui/toast";
import PricesPage from "./PricesPage";

const PRICES = "GET /api/v1/ledger/prices";
const ADD = "POST /api/v1/ledger/prices";

function open(isStaff: boolean) {
  const requests = fakeServer({
    "GET /api/v1/me": () => ({ id: 1, username: "olga", is_staff: isStaff }),
    [PRICES]: () => ({ items: [], next_cursor: null }),
  });
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ToastProvider>
        <PricesPage />
      </ToastProvider>
    </QueryClientProvider>,
  );
  return requests;
}

test("whoever is no staff is refused, and the book is not asked for", async () => {
  const requests = open(false);
  expect(await screen.findByText("Prices are for staff")).toBeVisible();
  expect(requests.to(PRICES)).toEqual([]);
});

test("what the server refuses of a price stands at its field", async () => {
  const requests = open(true);
  requests.answer(ADD, () => {
    const errors = [{ path: "per_hour", message: "Give a number.", code: "invalid" }];
    throw Response.json({ title: "No", status: 422, detail: "No", errors }, { status: 422 });
  });
  await userEvent.click(await screen.findByRole("button", { name: "Add a price" }));
  const dialog = within(screen.getByRole("dialog", { hidden: true }));
  await userEvent.type(dialog.getByLabelText("Device model"), "NVIDIA H800");
  await userEvent.click(dialog.getByRole("button", { name: "Add the price", hidden: true }));
  expect(await dialog.findByText("Give a number.")).toBeInTheDocument();
  expect(dialog.getByLabelText("An hour costs")).toHaveAttribute("aria-invalid", "true");
  const [sent] = requests.to(ADD);
  expect(await sent?.json()).toMatchObject({ device_model: "NVIDIA H800", tenure: "rented" });
});
