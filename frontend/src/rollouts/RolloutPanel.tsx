import { ChevronLeft, ChevronRight, Pin, Radio } from "lucide-react";
import { useCallback, useMemo } from "react";
import { type Key, useKeys } from "@/app/useKeys";
import { linkTo } from "@/run/address";
import { hasEnded } from "@/run/queries";
import type { TabProps } from "@/run/RunPage";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { GroupList } from "./GroupList";
import { type Group, useRollouts } from "./queries";
import styles from "./RolloutPanel.module.css";
import { isSort, SORTS } from "./rolloutOrder";
import { useShownStep } from "./useShownStep";

interface RolloutPanelProps extends TabProps {
  /** Beside the charts: fewer completions of each group, and the keys only lead to all of them. */
  compact?: boolean;
  /** Place in the list of the group that the keys act on. */
  cursor?: number;
  onCursor?: (place: number) => void;
}

/** The completions of a step: the pinned one, or the newest. */
export function RolloutPanel(props: RolloutPanelProps) {
  const { run, facts, address, go, compact = false, cursor = 0, onCursor } = props;
  const wanted = useShownStep(facts, address.step);
  const query = useRollouts(run, wanted);
  const pages = query.data?.pages;
  const first = pages?.[0];
  const groups = useMemo(() => pages?.flatMap((page) => page.items) ?? [], [pages]);
  const shown = first?.step ?? wanted.step;
  const limits = {
    from: first?.steps.first ?? 0,
    to: Math.max(first?.steps.last ?? 0, facts.step),
  };
  const linkOf = useCallback(
    (group: Group, completion: number | null = null) =>
      linkTo(run.id, {
        ...address,
        tab: "rollouts",
        view: "step",
        step: group.step,
        group: group.id,
        completion,
      }),
    [run.id, address],
  );
  const place = Math.min(cursor, groups.length - 1);
  const at = address.step ?? shown;
  const open = groups.filter(({ step }) => step === at)[place]; // none while a step is fetched
  usePanelKeys({
    compact,
    onStep: () => go({ tab: "rollouts", step: at }),
    onMove: (by) => onCursor?.(Math.max(0, Math.min(groups.length - 1, place + by))),
    onOpen: () => open && go({ step: open.step, group: open.id }),
  });
  const sort = isSort(address.order) ? address.order : "advantage";

  return (
    <section
      aria-label="Rollouts"
      className={classes("panel", styles.panel, compact && styles.compact)}
    >
      <header className={styles.header}>
        <h3>{address.step === null && !hasEnded(facts.state) ? "Live rollouts" : "Rollouts"}</h3>
        <StepPicker
          shown={shown}
          at={at ?? limits.to}
          limits={limits}
          following={address.step !== null ? null : hasEnded(facts.state) ? "Newest" : "Following"}
          go={go}
        />
        <Select
          aria-label="Order of completions"
          value={sort}
          options={SORTS}
          onChange={(order) => go({ order })}
        />
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
          compact={compact}
          cursor={compact ? -1 : place}
          linkOf={linkOf}
          hasMore={query.hasNextPage}
          onMore={() => void query.fetchNextPage()}
        />
      )}
    </section>
  );
}

interface PanelKeys {
  compact: boolean;
  onStep: () => void;
  onMove: (by: number) => void;
  onOpen: () => void;
}

function usePanelKeys({ compact, onStep, onMove, onOpen }: PanelKeys): void {
  useKeys(
    "Rollouts",
    compact
      ? [{ keys: "Enter o", label: "Read this step", run: onStep }]
      : [
          { keys: "j", label: "Next group", run: () => onMove(1) },
          { keys: "k", label: "Group before", run: () => onMove(-1) },
          { keys: "Enter o", label: "Open the group", run: onOpen },
        ],
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
  /** The one whose groups are on the screen, and the one that was asked for. */
  shown: number | null;
  at: number;
  limits: { from: number; to: number };
  /** What not being pinned is called; null while pinned. */
  following: string | null;
  go: TabProps["go"];
}

function StepPicker({ shown, at, limits, following, go }: StepPickerProps) {
  const move = (by: number) => go({ step: Math.min(limits.to, Math.max(limits.from, at + by)) });
  const before: Key = { keys: "ArrowLeft", label: "Step before", run: () => move(-1) };
  const next: Key = { keys: "ArrowRight", label: "Next step", run: () => move(1) };
  useKeys("Steps", [
    before,
    next,
    { keys: "l", label: "Follow the newest step", run: () => go({ step: null }) },
  ]);
  return (
    <div className={styles.picker}>
      <IconButton
        small
        label={before.label}
        shortcut="←"
        disabled={at <= limits.from}
        onClick={before.run}
      >
        <ChevronLeft size={16} />
      </IconButton>
      <span className={styles.step}>step {formatNumber(shown, 0)}</span>
      <IconButton
        small
        label={next.label}
        shortcut="→"
        disabled={at >= limits.to}
        onClick={next.run}
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
