/** What of the reader lives in the run page's address, so that a link shows the same completion. */

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

export interface ReaderAddress {
  view: ReaderView;
  /** Id of the group that is open. */
  group: number | null;
  /** Place in it of the completion that is open. */
  completion: number | null;
  /** Of the completions within a group. */
  order: Order;
  /** Conditions on all completions, as the API's `where` takes them. */
  where: readonly string[];
  q: string;
  mode: SearchMode;
  /** A field, "-" before it: largest first. */
  sort: string;
  /** The field whose values the histogram counts. */
  histogram: string;
}

export const FIRST_PAGE: ReaderAddress = {
  view: "step",
  group: null,
  completion: null,
  order: "advantage",
  where: [],
  q: "",
  mode: "text",
  sort: "-step",
  histogram: "reward",
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
    where: params.getAll("where").filter(Boolean).slice(0, MOST_CONDITIONS),
    q: params.get("q") ?? "",
    mode: MODES.find(({ value }) => value === params.get("mode"))?.value ?? FIRST_PAGE.mode,
    sort: fieldOf("sort"),
    histogram: fieldOf("histogram"),
  };
}

/** Only what differs from the first page. */
export function formatReader(address: ReaderAddress): [string, string][] {
  const texts = {
    view: address.view,
    group: address.group === null ? "" : String(address.group),
    completion: address.completion === null ? "" : String(address.completion),
    order: address.order,
    q: address.q,
    mode: address.mode,
    sort: address.sort,
    histogram: address.histogram,
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
    (before.group === null) === (after.group === null) &&
    (before.completion === null) === (after.completion === null)
  );
}
