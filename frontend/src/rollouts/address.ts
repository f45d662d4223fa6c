/** What of the reader lives in the run page's address, so that a link shows the same completion. */

import { TINTS, type Tint } from "./tokens";

export const VIEWS = [
  { key: "step", label: "By step" },
  { key: "all", label: "All completions" },
  { key: "emergence", label: "Emergence" },
] as const;

export type ReaderView = (typeof VIEWS)[number]["key"];

export const MODES = [
  { value: "text", label: "Text" },
  { value: "words", label: "Words" },
  { value: "regex", label: "Pattern (RE2)" },
] as const;

export type SearchMode = (typeof MODES)[number]["value"];

export const ORDERS = [
  { value: "advantage", label: "Best first" },
  { value: "-advantage", label: "Worst first" },
  { value: "length", label: "Longest first" },
  { value: "index", label: "As sampled" },
  { value: "answer", label: "By answer" },
] as const;

export type Order = (typeof ORDERS)[number]["value"];

export const PICKS = [
  { value: "best", label: "The best" },
  { value: "median", label: "The median" },
  { value: "worst", label: "The worst" },
] as const;

export type Pick = (typeof PICKS)[number]["value"];

/** Of the prompts of a run: by the step that first solved them, how hard, or how often asked. */
export const PROMPT_ORDERS = [
  "solved",
  "-solved",
  "difficulty",
  "-difficulty",
  "asked",
  "-asked",
] as const;

export type PromptOrder = (typeof PROMPT_ORDERS)[number];

export interface ReaderAddress {
  view: ReaderView;
  /** Id of the group that is open. */
  group: number | null;
  /** Place in it of the completion that is open. */
  completion: number | null;
  /** Of the completions within a group. */
  order: Order;
  /** The same prompt over the run, or beside another run, instead of the group. */
  alike: boolean;
  /** Which completion of each group stands for it there. */
  pick: Pick;
  /** Id of the run beside this one; null compares steps of this one. */
  beside: number | null;
  /** What the tokens of a completion are coloured by. */
  tint: Tint;
  /** Conditions on all completions, as the API's `where` takes them. */
  where: readonly string[];
  /** Only those that one starred. */
  starred: boolean;
  q: string;
  mode: SearchMode;
  /** A field, "-" before it: largest first. */
  sort: string;
  /** The field whose values the histogram counts. */
  histogram: string;
  /** Reflective words, with commas between; "" for the usual ones. */
  words: string;
  prompts: PromptOrder;
}

export const FIRST_PAGE: ReaderAddress = {
  view: "step",
  group: null,
  completion: null,
  order: "advantage",
  alike: false,
  pick: "best",
  beside: null,
  tint: "none",
  where: [],
  starred: false,
  q: "",
  mode: "text",
  sort: "-step",
  histogram: "reward",
  words: "",
  prompts: "solved",
};

const FIELD = /^-?[\w./-]{1,200}$/;
const MOST_CONDITIONS = 20;

export function parseReader(params: URLSearchParams): ReaderAddress {
  const fieldOf = (name: "sort" | "histogram") => {
    const text = params.get(name) ?? "";
    return FIELD.test(text) ? text : FIRST_PAGE[name];
  };
  const group = whole(params.get("group"));
  return {
    view: VIEWS.find(({ key }) => key === params.get("view"))?.key ?? FIRST_PAGE.view,
    group,
    completion: group === null ? null : whole(params.get("completion")),
    order: ORDERS.find(({ value }) => value === params.get("order"))?.value ?? FIRST_PAGE.order,
    alike: params.get("alike") === "1",
    pick: PICKS.find(({ value }) => value === params.get("pick"))?.value ?? FIRST_PAGE.pick,
    beside: whole(params.get("beside")),
    tint: TINTS.find(({ value }) => value === params.get("tint"))?.value ?? FIRST_PAGE.tint,
    where: params.getAll("where").filter(Boolean).slice(0, MOST_CONDITIONS),
    starred: params.get("starred") === "1",
    q: params.get("q") ?? "",
    mode: MODES.find(({ value }) => value === params.get("mode"))?.value ?? FIRST_PAGE.mode,
    sort: fieldOf("sort"),
    histogram: fieldOf("histogram"),
    words: params.get("words") ?? "",
    prompts: PROMPT_ORDERS.find((order) => order === params.get("prompts")) ?? FIRST_PAGE.prompts,
  };
}

/** Only what differs from the first page. */
export function formatReader(address: ReaderAddress): [string, string][] {
  const texts = {
    view: address.view,
    group: address.group === null ? "" : String(address.group),
    completion: address.completion === null ? "" : String(address.completion),
    order: address.order,
    alike: address.alike ? "1" : "",
    pick: address.pick,
    beside: address.beside === null ? "" : String(address.beside),
    tint: address.tint,
    starred: address.starred ? "1" : "",
    q: address.q,
    mode: address.mode,
    sort: address.sort,
    histogram: address.histogram,
    words: address.words,
    prompts: address.prompts,
  };
  const changed = Object.entries(texts).filter(
    ([name, text]) => text !== "" && text !== FIRST_PAGE[name as keyof typeof texts],
  );
  return [...changed, ...address.where.map((text): [string, string] => ["where", text])];
}

function whole(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Whether one comes from one to the other without going deeper or up: nothing to go back from. */
export function isSameLevel(before: ReaderAddress, after: ReaderAddress): boolean {
  return (
    before.view === after.view &&
    before.alike === after.alike &&
    (before.group === null) === (after.group === null) &&
    (before.completion === null) === (after.completion === null)
  );
}
