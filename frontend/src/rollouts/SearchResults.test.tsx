import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { RunDetail } from "@/api/queries";
import { parseAddress } from "@/run/address";
import { fakeServer } from "@/testing/server";
import type { CompletionRow, Hit } from "./queries";
import { SearchResults } from "./SearchResults";

function hit(index: number, excerpt = "a 🙂 carry b"): Hit {
  const completion: CompletionRow = {
    id: `7-${index}`,
    group_id: 7,
    attempt: 1,
    step: 3,
    group: 0,
    task: "sums",
    difficulty: null,
    index,
    trained: true,
    policy_version: 2,
    question: "27 + 58 = ?",
    answer: "85",
    text: "",
    reward: 1,
    rewards: {},
    reward_mean: 1,
    advantage: 0,
    length: 9,
    finish_reason: "stop",
    logprob_mean: null,
    entropy_mean: null,
    parsed: null,
    reflections: 0,
    other_script: 0,
    starred: false,
    notes: 0,
  };
  return { completion, field: "completion", excerpt, start: 4, end: 9 };
}

/** A server that finds six a page, in pages of 100 completions of 1,000. */
function show() {
  let asked = 0;
  const server = fakeServer({
    "GET /api/v1/runs/12/completions/search": () => {
      asked += 1;
      const items = Array.from({ length: 6 }, (_, place) => hit(asked * 6 + place));
      return { items, searched: asked * 100, total: 1000, next_cursor: asked < 10 ? "on" : null };
    },
  });
  const run = { id: 12 } as RunDetail;
  const address = { ...parseAddress(new URLSearchParams()), q: "carry" };
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SearchResults run={run} address={address} choice={{ where: [], starred: false }} />
    </QueryClientProvider>,
  );
  return server;
}

describe("a search", () => {
  it("marks what was found, counted in characters as the server counts", async () => {
    show();
    const [first] = await screen.findAllByText("carry");
    expect(first?.tagName).toBe("MARK");
    expect(first?.parentElement).toHaveTextContent("a 🙂 carry b");
  });

  it("looks on by itself until there are twenty, then when asked", async () => {
    const server = show();
    const on = await screen.findByRole("button", { name: "Look on" });
    expect(screen.getAllByRole("article")).toHaveLength(24);
    expect(screen.getByRole("status")).toHaveTextContent("Looked through 400 of 1,000, 24 found");
    expect(server.to("GET /api/v1/runs/12/completions/search")).toHaveLength(4);
    await userEvent.click(on);
    await screen.findByText(/800 of 1,000/);
    expect(screen.getAllByRole("article")).toHaveLength(48);
  });
});
