import { ChevronLeft, ChevronRight, Pin, Radio } from "lucide-react";
import { useMemo, useState } from "react";
import { useShortcuts } from "@/app/shortcuts";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { GroupList } from "./GroupList";
import { hasEnded, useRollouts } from "./queries";
import styles from "./RolloutPanel.module.css";
import type { TabProps } from "./RunPage";
import { SORTS, type Sort } from "./rolloutOrder";
import { useShownStep } from "./useShownStep";

/** The completions of a step: the pinned one, or the newest. */
export function RolloutPanel({
  run,
  facts,
  address,
  go,
  compact,
}: TabProps & { compact?: boolean }) {
  const [sort, setSort] = useState<Sort>("advantage");
  const wanted = useShownStep(facts, address.step);
  const query = useRollouts(run.id, wanted);
  const pages = query.data?.pages;
  const first = pages?.[0];
  const groups = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const shown = first?.step ?? wanted.step;
  const limits = {
    from: first?.steps.first ?? 0,
    to: Math.max(first?.steps.last ?? 0, facts.step),
  };

  return (
    <section
      aria-label="Rollouts"
      className={classes("panel", styles.panel, compact && styles.compact)}
    >
      <header className={styles.header}>
        <h3>{address.step === null && !hasEnded(facts.state) ? "Live rollouts" : "Rollouts"}</h3>
        <StepPicker
          shown={shown}
          limits={limits}
          following={address.step !== null ? null : hasEnded(facts.state) ? "Newest" : "Following"}
          go={go}
        />
        <Select aria-label="Order of completions" value={sort} options={SORTS} onChange={setSort} />
      </header>
      {query.error ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !first ? (
        <SkeletonLines lines={5} height={96} />
      ) : groups.length === 0 ? (
        <Nothing pinned={address.step} ended={hasEnded(facts.state)} />
      ) : (
        <GroupList
          groups={groups}
          sort={sort}
          compact={compact ?? false}
          hasMore={query.hasNextPage}
          onMore={() => void query.fetchNextPage()}
        />
      )}
    </section>
  );
}

function Nothing({ pinned, ended }: { pinned: number | null; ended: boolean }) {
  if (pinned !== null)
    return <EmptyState title={`No rollouts at step ${pinned}`}>Choose another step.</EmptyState>;
  return (
    <EmptyState title="No rollouts yet">
      {ended ? "The run ended before its first step." : "They appear with the first step."}
    </EmptyState>
  );
}

interface StepPickerProps {
  shown: number | null;
  limits: { from: number; to: number };
  /** What not being pinned is called; null while pinned. */
  following: string | null;
  go: TabProps["go"];
}

function StepPicker({ shown, limits, following, go }: StepPickerProps) {
  const at = shown ?? limits.to;
  const shortcuts = useMemo(() => {
    const move = (by: number) => go({ step: Math.min(limits.to, Math.max(limits.from, at + by)) });
    return [
      { keys: "ArrowLeft", label: "Step before", run: () => move(-1) },
      { keys: "ArrowRight", label: "Next step", run: () => move(1) },
      { keys: "l", label: "Follow the newest step", run: () => go({ step: null }) },
    ];
  }, [at, limits.from, limits.to, go]);
  useShortcuts("Rollouts", shortcuts);
  const [before, next] = shortcuts;
  return (
    <div className={styles.picker}>
      <IconButton
        small
        label="Step before"
        shortcut="←"
        disabled={at <= limits.from}
        onClick={before?.run}
      >
        <ChevronLeft size={16} />
      </IconButton>
      <span className={styles.step}>step {formatNumber(shown, 0)}</span>
      <IconButton
        small
        label="Next step"
        shortcut="→"
        disabled={at >= limits.to}
        onClick={next?.run}
      >
        <ChevronRight size={16} />
      </IconButton>
      <Button
        small
        kind="quiet"
        aria-pressed={following !== null}
        icon={following ? <Radio size={14} /> : <Pin size={14} />}
        className={styles.follow}
        onClick={() => go({ step: following ? at : null })}
      >
        {following ?? "Pinned"}
      </Button>
    </div>
  );
}
