import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { newQueryClient } from "@/api/queryClient";
import { fakeServer } from "@/testing/server";
import ConditionDialog from "./ConditionDialog";

test("a number and Enter add a condition; without one it is asked for", async () => {
  fakeServer({ "GET /api/v1/runs/columns": () => ({ items: ["kl"] }) });
  const add = vi.fn();
  render(
    <QueryClientProvider client={newQueryClient()}>
      <ConditionDialog onAdd={add} onClose={vi.fn()} />
    </QueryClientProvider>,
  );
  await userEvent.type(screen.getByLabelText("Number"), "{Enter}");
  expect(screen.getByLabelText("Number")).toHaveAccessibleDescription(
    "Give a number, such as 0.5.",
  );
  expect(add).not.toHaveBeenCalled();
  await userEvent.clear(screen.getByLabelText("Value"));
  await userEvent.type(screen.getByLabelText("Value"), "kl");
  await userEvent.selectOptions(screen.getByLabelText("Is"), "below");
  await userEvent.type(screen.getByLabelText("Number"), "0.5{Enter}");
  expect(add).toHaveBeenCalledExactlyOnceWith("kl<0.5");
});
