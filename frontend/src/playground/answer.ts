/** An answer as its events build it up. */

export interface Reward {
  parts: Record<string, number | null>;
  errors: Record<string, string>;
  reasons: Record<string, string> | null;
  total: number | null;
  /** What the verifier read as the answer. */
  parsed: string | null;
  /** Parts that need what is not known here: a right answer, another model. */
  left_out: string[];
}

/** What the session tells; training/serving has the other end. */
export type AnswerEvent =
  | { type: "loading" }
  | { type: "ready" }
  | { type: "began"; answer: string | null; prompt: string }
  | { type: "text"; text: string; tokens: number }
  | { type: "ended"; reason: "stop" | "length" }
  | { type: "usage"; prompt_tokens: number; tokens: number }
  | { type: "done"; rewards: (Reward | { error: string })[] | null }
  | { type: "cancelled" }
  | { type: "refused"; message: string };

export interface Answer {
  state: "asking" | "loading" | "writing" | "scoring" | "done" | "stopped" | "failed";
  text: string;
  tokens: number;
  /** Of the reasoning, up to </think>. */
  thinkTokens: number;
  cutOff: boolean;
  /** The right answer, where the question is a problem of the task. */
  expected: string | null;
  reward: Reward | null;
  /** Why it failed, or could not be scored. */
  trouble: string;
}

export const ASKING: Answer = {
  state: "asking",
  text: "",
  tokens: 0,
  thinkTokens: 0,
  cutOff: false,
  expected: null,
  reward: null,
  trouble: "",
};

export function hear(answer: Answer, event: AnswerEvent): Answer {
  switch (event.type) {
    case "loading":
      return { ...answer, state: "loading" };
    case "ready":
    case "usage":
      return answer;
    case "began":
      return { ...answer, state: "writing", expected: event.answer };
    case "text":
      return grown(answer, answer.text + event.text, event.tokens);
    case "ended":
      return { ...answer, state: "scoring", cutOff: event.reason === "length" };
    case "done":
      return scored(answer, event.rewards?.[0]);
    case "cancelled":
      return { ...answer, state: "stopped" };
    case "refused":
      return { ...answer, state: "failed", trouble: event.message };
  }
}

function grown(answer: Answer, text: string, tokens: number): Answer {
  const thinking = !answer.text.includes("</think>");
  return { ...answer, text, tokens, thinkTokens: thinking ? tokens : answer.thinkTokens };
}

function scored(answer: Answer, told: Reward | { error: string } | undefined): Answer {
  if (told && "error" in told) return { ...answer, state: "done", trouble: told.error };
  return { ...answer, state: "done", reward: told ?? null };
}

export const isUnderWay = ({ state }: Answer) =>
  state === "asking" || state === "loading" || state === "writing" || state === "scoring";
