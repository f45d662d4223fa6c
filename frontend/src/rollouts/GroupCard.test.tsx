import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { GroupCard } from "./GroupCard";
import type { Group } from "./queries";

function show(part: Partial<Group>) {
  const group: Group = {
    id: 1,
    attempt: 1,
    step: 9,
    index: 0,
    trained: true,
    policy_version: 8,
    steps_behind: 0,
    fingerprint: "",
    prompt: "",
    question: "27 + 58 = ?",
    answer: "85",
    task: "chain_sum",
    difficulty: null,
    reward_mean: 1,
    completions: [],
    ...part,
  };
  render(
    <GroupCard group={group} sort="index" compact={false} linkOf={() => "/completions/1-0"} />,
  );
}

describe("a group", () => {
  it("tells quietly which policy wrote it", () => {
    show({});
    expect(screen.getByText("policy 8")).toBeInTheDocument();
    expect(screen.queryByText("not trained on")).not.toBeInTheDocument();
  });

  it("is marked when another took its place, and tells how old its policy was", () => {
    show({ trained: false, policy_version: 5, steps_behind: 3, fingerprint: "3f".repeat(32) });
    expect(screen.getByText("not trained on")).toBeInTheDocument();
    expect(screen.getByTitle(/after 5 steps, weights 3f3f/)).toHaveTextContent(
      "policy 5 · 3 steps old · 3f3f3f3f",
    );
  });
});
