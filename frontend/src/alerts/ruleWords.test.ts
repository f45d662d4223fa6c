import { expect, test } from "vitest";
import { alertRule } from "@/testing/rows";
import { draftOf, ruleBody } from "./draft";
import { ruleWords } from "./ruleWords";

test.each([
  [{}, "kl/mean above 1 for 5 points"],
  [{ points: 1, direction: "below" }, "kl/mean below 1"],
  [
    { kind: "slope", metric: "reward/mean", direction: "below", limit: -0.005, points: 50 },
    "reward/mean changes by less than −0.005 a step over 50 points",
  ],
  [{ kind: "nonfinite", metric: "optim/loss", points: 1 }, "optim/loss is not a number"],
  [{ kind: "absence", seconds: 1800 }, "no metrics for 30m 00s"],
  [{ kind: "state", states: ["failed", "lost"] }, "the run is failed or lost"],
  [{ kind: "budget", unit: "usd", limit: 40 }, "the run costs more than $40.00"],
  [
    { kind: "project_budget", unit: "device_hours", limit: 100, days: 30 },
    "the project costs more than 100 device-hours in 30 days",
  ],
] as const)("a rule in words: %o", (changes, words) => {
  expect(
    ruleWords(alertRule({ ...changes, states: [...("states" in changes ? changes.states : [])] })),
  ).toBe(words);
});

test("only what a kind needs is sent, numbers as numbers", () => {
  const draft = { ...draftOf(alertRule()), limit: " 0.5 ", points: "7" };
  expect(ruleBody(draft)).toEqual({
    name: "KL blow-up",
    kind: "threshold",
    metric: "kl/mean",
    direction: "above",
    limit: 0.5,
    points: 7,
    action: "tell",
  });
  expect(ruleBody({ ...draft, kind: "state", states: ["failed"], action: "stop" })).toEqual({
    name: "KL blow-up",
    kind: "state",
    states: ["failed"],
    action: "tell",
  });
});

test("what is no number is left to the server to refuse", () => {
  expect(ruleBody({ ...draftOf(null), limit: "" }).limit).toBe("");
  expect(ruleBody({ ...draftOf(null), limit: "a lot" }).limit).toBe("a lot");
});

test("a budget sends its unit and, for a project, its days", () => {
  const draft = { ...draftOf(null), name: "Month", limit: "10", days: "7" };
  expect(ruleBody({ ...draft, kind: "budget", action: "pause" })).toEqual({
    name: "Month",
    kind: "budget",
    unit: "device_hours",
    limit: 10,
    action: "pause",
  });
  expect(ruleBody({ ...draft, kind: "project_budget", unit: "usd" })).toMatchObject({
    unit: "usd",
    days: 7,
  });
});
