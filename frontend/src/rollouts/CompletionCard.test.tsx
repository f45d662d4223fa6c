import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { CompletionCard } from "./CompletionCard";
import type { Completion } from "./queries";

function show(part: Partial<Completion>) {
  const completion: Completion = {
    id: "1-0",
    index: 0,
    text: "",
    reward: 2,
    rewards: { accuracy: 1, format: 1 },
    reward_errors: {},
    advantage: 0.5,
    length: 12,
    finish_reason: "stop",
    logprob_mean: -0.5,
    entropy_mean: null,
    parsed: null,
    reasons: {},
    starred: false,
    notes: 0,
    ...part,
  };
  return render(<CompletionCard completion={completion} href="/completions/1-0" />).container;
}

describe("a completion", () => {
  it("shows reasoning and answer apart, with what each part of the reward was", () => {
    show({ text: "<think>7+8=15</think><answer>85</answer>" });
    expect(screen.getByText("think").parentElement).toHaveTextContent("7+8=15");
    expect(screen.getByText("answer").parentElement).toHaveTextContent("85");
    expect(screen.getByTitle("accuracy: 1")).toBeInTheDocument();
    expect(screen.getByText("+0.50")).toBeInTheDocument();
  });

  it("tells a part below 0 or above 1 in figures, beside its bar", () => {
    show({ rewards: { accuracy: 1, overlong: -0.4, judge_depth: 2.5 } });
    expect(screen.getByText("−0.4")).not.toHaveClass("visually-hidden");
    expect(screen.getByText("2.5")).not.toHaveClass("visually-hidden");
    expect(screen.getByText("1")).toHaveClass("visually-hidden");
    const bar = screen.getByTitle("overlong: −0.4").querySelector("[style]");
    expect(bar).toHaveStyle({ transform: "scaleX(0.4)" });
  });

  it("says which part of the reward could not be computed, and why", () => {
    show({
      reward: null,
      rewards: { format: 1 },
      reward_errors: { accuracy: "timed out after 10 s" },
    });
    expect(screen.getByText("accuracy not scored")).toHaveTextContent("timed out after 10 s");
  });

  it("never takes text for markup", () => {
    const hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
    const card = show({ text: `<think>${hostile}</think><answer><b>85</b></answer>` });
    expect(card.querySelector("img, script, b")).toBeNull();
    expect(card).toHaveTextContent(hostile);
  });

  it("says what was cut off, and that nothing came", () => {
    show({ text: "<think>7+8", finish_reason: "length", advantage: -1.25 });
    expect(screen.getByText("cut off")).toBeInTheDocument();
    expect(screen.getByText("…not closed")).toBeInTheDocument();
    expect(screen.getByText("−1.25")).toBeInTheDocument();
    show({ text: "" });
    expect(screen.getByText("nothing")).toBeInTheDocument();
  });
});
