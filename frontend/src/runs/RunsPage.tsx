import type { RowSelectionState } from "@tanstack/react-table";
import { Plus } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import { useRunList } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { formatRuns } from "@/compare/runNumbers";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { LiveBar } from "@/ui/LiveBar";
import { EmptyState, ErrorState } from "@/ui/Message";
import { canResume, canStop } from "./actions";
import { FilterBar } from "./FilterBar";
import { FirstRun } from "./FirstRun";
import { isFiltered, toQuery, useRunFilters } from "./filters";
import { ResumeDialog, StopDialog } from "./RunDialogs";
import styles from "./RunsPage.module.css";
import { RunsSkeleton } from "./RunsSkeleton";
import { RunsTable } from "./RunsTable";
import { useLiveRuns } from "./useLiveRuns";
import { useRunKeys } from "./useRunKeys";

/** All runs one may see, live. */
export function RunsPage() {
  usePageTitle("Runs");
  const live = useLiveRuns();
  const [filters, change] = useRunFilters();
  return (
    <div className={styles.page}>
      <LiveBar status={live} />
      <div className={styles.top}>
        <FilterBar filters={filters} onChange={change} />
        <ButtonLink href="/new" kind="primary" icon={<Plus size={14} />}>
          New run
        </ButtonLink>
      </div>
      <RunsList />
      <Link href="/deleted" className={styles.deleted}>
        Recently deleted
      </Link>
    </div>
  );
}

function RunsList() {
  const [filters, change] = useRunFilters();
  const list = useRunList(toQuery(filters));
  const runs = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data]);
  const [, navigate] = useLocation();
  const [selected, setSelected] = useState<RowSelectionState>({});
  const [asked, setAsked] = useState<{ act: "stop" | "resume"; ids: number[] } | null>(null);
  const chosen = runs.filter((run) => selected[run.id]);

  const cursor = useRunKeys(runs, {
    onToggle: (run) => setSelected((before) => ({ ...before, [run.id]: !before[run.id] })),
    onCompare: (run) => compare(chosen.length > 0 || !run ? chosen : [run]),
    onStop: (run) => ask("stop", chosen.length > 0 ? chosen : [run]),
  });
  const compare = (those: typeof runs) => {
    const ids = those.map((run) => run.id);
    if (ids.length > 0) navigate(`/compare?runs=${formatRuns(ids)}`);
  };
  const ask = (act: "stop" | "resume", targets: typeof runs) => {
    const able = targets.filter(act === "stop" ? canStop : canResume);
    if (able.length > 0) setAsked({ act, ids: able.map((run) => run.id) });
  };
  const { fetchNextPage, hasNextPage, isFetching } = list;
  const more = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetching]);
  const close = () => {
    setAsked(null);
    setSelected({});
  };

  if (list.isPending) return <RunsSkeleton />;
  if (list.isError && runs.length === 0) {
    return <ErrorState error={list.error} onRetry={() => list.refetch()} />;
  }
  if (runs.length === 0) {
    return isFiltered(filters) ? <NothingFound onClear={() => change(CLEAR)} /> : <FirstRun />;
  }
  const targets = runs.filter((run) => asked?.ids.includes(run.id));
  return (
    <>
      {chosen.length > 0 && (
        <div className={styles.selection} role="status">
          {chosen.length} selected
          <Button small onClick={() => compare(chosen)}>
            Compare
          </Button>
          <Button small disabled={!chosen.some(canStop)} onClick={() => ask("stop", chosen)}>
            Stop
          </Button>
          <Button small disabled={!chosen.some(canResume)} onClick={() => ask("resume", chosen)}>
            Resume
          </Button>
          <Button small kind="quiet" onClick={() => setSelected({})}>
            Clear
          </Button>
        </div>
      )}
      <div className="panel">
        <RunsTable
          runs={runs}
          metrics={filters.columns}
          sort={filters.sort}
          onSort={(sort) => change({ sort })}
          cursor={cursor}
          selected={selected}
          onSelect={setSelected}
          onStop={(run) => ask("stop", [run])}
          onResume={(run) => ask("resume", [run])}
          onEnd={more}
        />
      </div>
      {asked?.act === "stop" && <StopDialog runs={targets} onClose={close} />}
      {asked?.act === "resume" && <ResumeDialog runs={targets} onClose={close} />}
    </>
  );
}

const CLEAR = { q: "", states: [], preset: "", owner: "", tag: "", where: [] };

function NothingFound({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState
      title="No run fits these filters"
      action={<Button onClick={onClear}>Clear the filters</Button>}
    />
  );
}
