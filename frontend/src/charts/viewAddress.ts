/** How a view of charts is written in a page's address: only what differs from the first view. */

import { AXES } from "./clock";
import { SMOOTHING_KINDS, type Smoothing } from "./smoothing";
import { FIRST_VIEW, type View } from "./view";

const LONGEST_SPAN = 100_000;

export function parseView(params: URLSearchParams): View {
  return {
    axis: AXES.find((axis) => axis === params.get("axis")) ?? FIRST_VIEW.axis,
    logX: params.get("x") === "log",
    smoothing: parseSmoothing(params.get("smooth") ?? ""),
    zoom: parseZoom(params.get("zoom") ?? ""),
    robust: params.get("outliers") === "cut",
    hidden: listIn(params, "hide"),
    log: listIn(params, "log"),
    tables: listIn(params, "table"),
    more: params.get("more") === "1",
  };
}

export function listIn(params: URLSearchParams, name: string): string[] {
  return params.get(name)?.split(",").filter(Boolean) ?? [];
}

/** "20" smooths by the first kind, "20-gaussian" by another one, "0" not at all. */
function parseSmoothing(text: string): Smoothing {
  const [, digits, name] = text.match(/^(\d{1,6})(?:-(\w+))?$/) ?? [];
  if (digits === undefined || Number(digits) > LONGEST_SPAN) return FIRST_VIEW.smoothing;
  const kind = SMOOTHING_KINDS.find((kind) => kind === name) ?? FIRST_VIEW.smoothing.kind;
  return { kind, span: Number(digits) };
}

/** "120..480": places on the axis, with at most three decimals. */
function parseZoom(text: string): View["zoom"] {
  const [, from, to] =
    text.match(/^(-?\d{1,15}(?:\.\d{1,3})?)\.\.(-?\d{1,15}(?:\.\d{1,3})?)$/) ?? [];
  return from !== undefined && Number(from) < Number(to) ? [Number(from), Number(to)] : null;
}

/** The texts of a view by their names in the address; "" where it is as at first. */
export function viewTexts(view: View): Record<string, string> {
  const { kind, span } = view.smoothing;
  const byKind = kind === FIRST_VIEW.smoothing.kind ? "" : `-${kind}`;
  const unsmoothed = kind === FIRST_VIEW.smoothing.kind && span === FIRST_VIEW.smoothing.span;
  return {
    axis: view.axis === FIRST_VIEW.axis ? "" : view.axis,
    x: view.logX ? "log" : "",
    smooth: unsmoothed ? "" : `${span}${byKind}`,
    zoom: view.zoom?.map((place) => String(roundStep(place))).join("..") ?? "",
    outliers: view.robust ? "cut" : "",
    hide: view.hidden.join(","),
    log: view.log.join(","),
    table: view.tables.join(","),
    more: view.more ? "1" : "",
  };
}

export function roundStep(step: number): number {
  return Number(step.toFixed(3));
}
