import { type ReactNode, useMemo } from "react";
import { useChartColours } from "@/charts/colours";
import { ErrorState } from "@/ui/Message";
import type { Address } from "./address";
import { exploredKeys } from "./explored";
import { Highlight } from "./highlight";
import { ComparePageProvider, usePageParts } from "./page";
import { useComparison } from "./queries";
import { useCurves, useLiveComparison } from "./useCurves";

interface CompareProviderProps {
  address: Address;
  go: (change: Partial<Address>) => void;
  /** What stands there until the runs are known, and when none of them is there. */
  waiting: ReactNode;
  nothing: ReactNode;
  children: ReactNode;
}

/** Fetches and follows the runs of an address, for the parts of a comparison inside of it. */
export function CompareProvider({ address, go, waiting, nothing, children }: CompareProviderProps) {
  const query = useComparison(address.runs, seriesNamed(address));
  const colours = useChartColours();
  const parts = usePageParts(address, query.data, colours.series);
  const store = useCurves(parts.drawn);
  useLiveComparison(store, query.data);
  const highlight = useMemo(() => new Highlight(), []);
  if (query.error && !query.data) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) return waiting;
  if (query.data.runs.length === 0) return nothing;
  return (
    <ComparePageProvider value={{ ...parts, go, store, highlight, colours }}>
      {children}
    </ComparePageProvider>
  );
}

/** The series whose newest values something on the page is told by. */
function seriesNamed(address: Address): string[] {
  const { colour, group, where, sort } = address;
  const named = [colour, group, sort.replace(/^-/, ""), ...where.map(({ field }) => field)];
  const keys = [...named, ...exploredKeys(address)].filter((key) => key.includes("/"));
  return [...new Set(keys)].sort();
}
