import { useMemo, useRef, useState } from "react";
import { useLocation } from "wouter";
import type { RunRow } from "@/api/queries";
import { useShortcuts } from "@/app/shortcuts";

interface RunKeyActions {
  onToggle: (run: RunRow) => void;
  /** What is selected, else the run under the cursor. */
  onCompare: (run: RunRow | undefined) => void;
  onStop: (run: RunRow) => void;
}

/** The keys of the list of runs; gives the index of the row they act on, -1 for none. */
export function useRunKeys(runs: readonly RunRow[], actions: RunKeyActions): number {
  const [, navigate] = useLocation();
  const [id, setId] = useState<number | null>(null);
  const cursor = runs.findIndex((run) => run.id === id);
  const now = useRef({ runs, cursor, actions });
  now.current = { runs, cursor, actions };

  const shortcuts = useMemo(() => {
    const move = (by: number) => {
      const { runs, cursor } = now.current;
      const next = Math.max(0, Math.min(runs.length - 1, cursor + by));
      setId(runs[next]?.id ?? null);
    };
    const onCurrent = (act: (run: RunRow) => void) => () => {
      const run = now.current.runs[now.current.cursor];
      if (run) act(run);
    };
    return [
      { keys: "j", label: "Next run", run: () => move(1) },
      { keys: "k", label: "Previous run", run: () => move(-1) },
      { keys: "Enter", label: "Open", run: onCurrent((run) => navigate(`/runs/${run.id}`)) },
      { keys: "x", label: "Select", run: onCurrent((run) => now.current.actions.onToggle(run)) },
      {
        keys: "c",
        label: "Compare",
        run: () => now.current.actions.onCompare(now.current.runs[now.current.cursor]),
      },
      { keys: "s", label: "Stop", run: onCurrent((run) => now.current.actions.onStop(run)) },
    ];
  }, [navigate]);
  useShortcuts("Runs", shortcuts);
  return cursor;
}
