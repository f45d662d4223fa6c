import { expect, test } from "vitest";
import { type AnswerEvent, ASKING, hear, isUnderWay } from "./answer";

const after = (events: AnswerEvent[]) => events.reduce(hear, ASKING);
const BEGAN: AnswerEvent = { type: "began", answer: "7", prompt: "3 + 4 =" };
const TEXTS: AnswerEvent[] = [
  { type: "text", text: "<think>3 + 4", tokens: 4 },
  { type: "text", text: "</think>", tokens: 5 },
  { type: "text", text: "<answer>7</answer>", tokens: 8 },
];

test("text grows, and the tokens of the reasoning are those up to its end", () => {
  const answer = after([{ type: "loading" }, BEGAN, ...TEXTS]);
  expect(answer.text).toBe("<think>3 + 4</think><answer>7</answer>");
  expect([answer.tokens, answer.thinkTokens, answer.expected]).toEqual([8, 5, "7"]);
  expect(isUnderWay(answer)).toBe(true);
});

test("the end brings the rewards, or why there are none", () => {
  const reward = {
    parts: { format: 1 },
    errors: {},
    reasons: {},
    total: 1,
    parsed: "7",
    left_out: [],
  };
  const ended: AnswerEvent[] = [BEGAN, ...TEXTS, { type: "ended", reason: "length" }];
  const done = after([...ended, { type: "done", rewards: [reward] }]);
  expect([done.state, done.cutOff, done.reward]).toEqual(["done", true, reward]);
  const failed = after([...ended, { type: "done", rewards: [{ error: "no worker" }] }]);
  expect([failed.reward, failed.trouble]).toEqual([null, "no worker"]);
});

test("what was written stays when the answer is stopped or refused", () => {
  const stopped = after([BEGAN, ...TEXTS, { type: "cancelled" }]);
  expect([stopped.state, stopped.tokens]).toEqual(["stopped", 8]);
  const refused = after([BEGAN, ...TEXTS, { type: "refused", message: "It ended." }]);
  expect([refused.state, refused.trouble, refused.tokens]).toEqual(["failed", "It ended.", 8]);
  expect(isUnderWay(refused)).toBe(false);
});
