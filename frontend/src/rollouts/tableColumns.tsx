/** What the table of completions tells of each. */

import type { ReactNode } from "react";
import { formatFixed, formatNumber, formatPercent } from "@/ui/format";
import { signed } from "./CompletionFacts";
import type { CompletionRow } from "./queries";

export interface Column {
  key: string;
  title: string;
  /** The field that it is sorted by. */
  sort?: string;
  isNumber: boolean;
  cell: (row: CompletionRow) => ReactNode;
}

const number = (key: string, title: string, cell: Column["cell"], sort = key): Column => ({
  key,
  title,
  sort,
  isNumber: true,
  cell,
});

/** Those of which some row knows something. */
export function columnsOf(rows: readonly CompletionRow[], parts: readonly string[]): Column[] {
  const some = (known: (row: CompletionRow) => unknown, column: Column) =>
    rows.some((row) => known(row)) ? [column] : [];
  const words = (key: string, title: string, cell: Column["cell"]): Column => ({
    key,
    title,
    isNumber: false,
    cell,
  });
  return [
    number("step", "step", ({ step, group, index }) => `${step} · ${group} · #${index}`),
    ...some(
      ({ task }) => task,
      words("task", "task", ({ task }) => task),
    ),
    ...some(
      ({ difficulty }) => difficulty !== null,
      number("difficulty", "difficulty", ({ difficulty }) => formatNumber(difficulty)),
    ),
    words("question", "question", ({ question }) => <bdi title={question}>{question}</bdi>),
    words("text", "completion", ({ text }) => <bdi title={text}>{text}</bdi>),
    words("parsed", "parsed", ({ parsed }) => <bdi title={parsed ?? ""}>{parsed ?? "–"}</bdi>),
    number("reward", "reward", ({ reward }) => formatFixed(reward, 2)),
    ...parts.map((part) =>
      number(
        `part-${part}`,
        part,
        ({ rewards }) => formatNumber(part in rewards ? Number(rewards[part]) : null),
        `rewards.${part}`,
      ),
    ),
    number("advantage", "advantage", ({ advantage }) => signed(advantage)),
    number("length", "tokens", ({ length }) => formatNumber(length, 0)),
    number("finish_reason", "ended", ({ finish_reason }) =>
      finish_reason === "length" ? "cut off" : "itself",
    ),
    ...some(
      ({ entropy_mean }) => entropy_mean !== null,
      number("entropy_mean", "entropy", ({ entropy_mean }) => formatFixed(entropy_mean, 2)),
    ),
    number("logprob_mean", "log-prob", ({ logprob_mean }) => formatFixed(logprob_mean, 2)),
    number("policy_version", "policy", ({ policy_version }) => formatNumber(policy_version, 0)),
    number("reflections", "reflective", ({ reflections }) => formatNumber(reflections, 0)),
    number("other_script", "other script", ({ other_script }) => formatPercent(other_script, 0)),
  ];
}
