/** What the parts of the comparison page share. */

import { createContext, useContext, useMemo } from "react";
import type { ChartColours } from "@/charts/colours";
import { type Address, parseAddress } from "./address";
import type { CurveStore } from "./curveStore";
import { type ComparedRun, type Comparison, Fields, type Group, groupsOf } from "./fields";
import type { Highlight } from "./highlight";
import { type Look, type Looks, lookAt, looksByField, looksByRun } from "./looks";
import { passing } from "./where";

export interface ComparePage {
  address: Address;
  go: (change: Partial<Address>) => void;
  fields: Fields;
  /** Pinned ones first, then as the address has them. */
  runs: ComparedRun[];
  /** Those that are not hidden and that all conditions hold for. */
  shown: number[];
  /** Those of them that charts draw. */
  drawn: number[];
  baseline: number;
  looks: Looks;
  /** null: each run by itself. */
  groups: (Group & { look: Look })[] | null;
  highlight: Highlight;
  store: CurveStore;
  colours: ChartColours;
}

/** Charts draw this many runs, pinned ones first; tables and the plots of Explore have them all. */
export const MOST_DRAWN = 200;

const Context = createContext<ComparePage | null>(null);

export const ComparePageProvider = Context.Provider;

export function useComparePage(): ComparePage {
  const page = useContext(Context);
  if (!page) throw new Error("A part of the comparison stands outside of its page.");
  return page;
}

/** Names are not unique, numbers are. */
export function runLabel(run: Pick<ComparedRun, "id" | "name">): string {
  return `${run.name} · #${run.id}`;
}

export type PageParts = Omit<ComparePage, "go" | "highlight" | "store" | "colours">;

const NOTHING: Comparison = {
  runs: [],
  config: { common: {}, differing: [] },
  series: [],
  last: {},
};

/** What follows from an address and what the server knows of its runs. */
export function usePageParts(
  address: Address,
  comparison: Comparison | undefined,
  palette: readonly string[],
): PageParts {
  return useMemo(
    () => pageParts(address, comparison ?? NOTHING, palette),
    [address, comparison, palette],
  );
}

export function pageParts(
  address: Address,
  comparison: Comparison,
  palette: readonly string[],
): PageParts {
  const fields = new Fields(comparison);
  const isPinned = (run: ComparedRun) => address.pinned.includes(run.id);
  const runs = [
    ...comparison.runs.filter(isPinned),
    ...comparison.runs.filter((r) => !isPinned(r)),
  ];
  const ids = runs.map((run) => run.id);
  const hidden = new Set(address.hidden.map(Number));
  const shown = passing(fields, ids, address.where).filter((run) => !hidden.has(run));
  const isThere = address.baseline !== null && ids.includes(address.baseline);
  // Groups are told by their colours: runs bear that of theirs.
  const colour = address.group || address.colour;
  const looks =
    colour !== "" && fields.has(colour)
      ? looksByField(fields, ids, colour, palette, address.group !== "")
      : looksByRun(ids, palette);
  return {
    address,
    fields,
    runs,
    shown,
    drawn: shown.slice(0, MOST_DRAWN),
    baseline: (isThere
      ? address.baseline
      : (address.runs.find((id) => ids.includes(id)) ?? 0)) as number,
    looks,
    groups:
      address.group !== "" && fields.has(address.group)
        ? groupsOf(fields, ids, address.group).map((group, place) => ({
            ...group,
            look: lookAt(place, palette),
          }))
        : null,
  };
}

/** The address that compares these runs and says nothing else. */
export function startAddress(runs: readonly number[]): Address {
  return { ...parseAddress(new URLSearchParams()), runs: [...runs] };
}
