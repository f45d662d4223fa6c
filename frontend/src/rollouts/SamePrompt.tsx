import { useMemo, useState } from "react";
import { Link } from "wouter";
import { useRunList } from "@/api/queries";
import { useKeys } from "@/app/useKeys";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { Select } from "@/ui/Field";
import { formatFixed, formatPercent } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { PICKS } from "./address";
import type { Block } from "./blocks";
import { difference, markedPieces, type Range } from "./diff";
import { LongText } from "./LongText";
import { type Alike, type GroupDetail, useGroup, useSamePrompt } from "./queries";
import { picked } from "./rolloutOrder";
import styles from "./SamePrompt.module.css";

interface SamePromptProps extends Pick<TabProps, "run" | "address" | "go"> {
  detail: GroupDetail;
}

/** The same prompt at one step and the next, or in two runs, with what changed marked. */
export function SamePrompt({ run, address, go, detail }: SamePromptProps) {
  const { group } = detail;
  const { beside, pick } = address;
  const own = useSamePrompt(group.id, null);
  const other = useSamePrompt(group.id, beside, beside !== null);
  const mine = own.data ?? [];
  const [moved, setMoved] = useState<number | null>(null);
  const first = beside === null ? 1 : 0; // the first step has none before it
  const start = mine.findIndex(({ id }) => id === group.id);
  const at = Math.min(mine.length - 1, Math.max(first, moved ?? start));
  const move = (to: number) => setMoved(Math.min(mine.length - 1, Math.max(first, to)));
  useKeys("Same prompt", [
    { keys: "j", label: "Next time it was asked", run: () => move(at + 1) },
    { keys: "k", label: "Time before", run: () => move(at - 1) },
    { keys: "Escape u", label: "Back to the group", run: () => go({ alike: false }) },
  ]);
  const error = own.error ?? other.error;
  if (error) return <ErrorState error={error} onRetry={() => void own.refetch()} />;
  if (!own.data) return <SkeletonLines lines={4} height={96} />;
  const now = mine[at];
  const [left, right] =
    beside === null ? [mine[at - 1], now] : [now, nearestStep(other.data ?? [], now?.step ?? 0)];
  return (
    <>
      <div className={styles.tools}>
        <Times times={mine} at={at} first={first} onMove={move} />
        <Select
          aria-label="Completion that is shown"
          value={pick}
          options={PICKS}
          onChange={(pick) => go({ pick })}
        />
        <RunChoice runId={run.id} beside={beside} onChoose={(beside) => go({ beside })} />
      </div>
      {left && right ? (
        <Pair left={left} right={right} {...{ run, address }} />
      ) : (
        <EmptyState
          title={beside === null ? "It was asked at one step only" : "That run was not asked it"}
        >
          {beside === null ? "Choose another run to stand beside it." : "Choose another run."}
        </EmptyState>
      )}
    </>
  );
}

function nearestStep(times: readonly Alike[], step: number): Alike | undefined {
  const away = (time: Alike) => Math.abs(time.step - step);
  return times.reduce<Alike | undefined>(
    (best, time) => (best === undefined || away(time) < away(best) ? time : best),
    undefined,
  );
}

interface TimesProps {
  times: readonly Alike[];
  at: number;
  /** The first that can be chosen. */
  first: number;
  onMove: (place: number) => void;
}

/** Each time that the prompt was asked, with the share of completions that solved it. */
function Times({ times, at, first, onMove }: TimesProps) {
  return (
    <fieldset className={styles.times}>
      <legend className="visually-hidden">Steps that asked it</legend>
      {times.map(({ id, step, solved, reward_mean }, place) => {
        const words = `Step ${step}: ${formatPercent(solved, 0)} solved, mean reward ${formatFixed(reward_mean, 2)}`;
        return (
          <button
            key={id}
            type="button"
            aria-label={words}
            title={words}
            aria-pressed={place === at}
            disabled={place < first}
            className={styles.time}
            onClick={() => onMove(place)}
          >
            <span className={styles.solved} style={{ height: `${(solved ?? 0) * 100}%` }} />
          </button>
        );
      })}
    </fieldset>
  );
}

interface RunChoiceProps {
  runId: number;
  beside: number | null;
  onChoose: (run: number | null) => void;
}

function RunChoice({ runId, beside, onChoose }: RunChoiceProps) {
  const runs = useRunList({}).data?.pages.flatMap((page) => page.items) ?? [];
  const others = runs.filter(({ id }) => id !== runId);
  const known = beside === null || others.some(({ id }) => id === beside);
  return (
    <Select
      aria-label="What stands beside"
      value={beside === null ? "" : String(beside)}
      options={[
        { value: "", label: "The step before" },
        ...others.map(({ id, name }) => ({ value: String(id), label: `${name} · #${id}` })),
        ...(known ? [] : [{ value: String(beside), label: `Run #${beside}` }]),
      ]}
      onChange={(text) => onChoose(text === "" ? null : Number(text))}
    />
  );
}

interface PairProps extends Pick<TabProps, "run" | "address"> {
  left: Alike;
  right: Alike;
}

function Pair({ left, right, run, address }: PairProps) {
  const [one, other] = [useGroup(left.id).data, useGroup(right.id).data];
  const before = picked(one?.group.completions ?? [], address.pick);
  const after = picked(other?.group.completions ?? [], address.pick);
  const changed = useMemo(
    () => (before && after ? difference(before.text, after.text) : null),
    [before, after],
  );
  if (!one || !other || !before || !after) return <SkeletonLines lines={4} height={96} />;
  const side = (detail: GroupDetail, isLeft: boolean) => ({
    detail,
    completion: isLeft ? before : after,
    ranges: (isLeft ? changed?.removed : changed?.added) ?? [],
    href: linkTo(detail.run_id, {
      ...address,
      ...(detail.run_id !== run.id && { beside: null }),
      alike: false,
      step: detail.group.step,
      group: detail.group.id,
      completion: (isLeft ? before : after).index,
    }),
  });
  return (
    <>
      {!changed && <p className={styles.apart}>Hardly a word is the same: nothing is marked.</p>}
      <div className={styles.pair}>
        <Side {...side(one, true)} mark="removed" />
        <Side {...side(other, false)} mark="added" />
      </div>
    </>
  );
}

interface SideProps {
  detail: GroupDetail;
  completion: GroupDetail["group"]["completions"][number];
  ranges: readonly Range[];
  mark: "removed" | "added";
  href: string;
}

function Side({ detail, completion, ranges, mark, href }: SideProps) {
  const { group, run_id } = detail;
  const render = (block: Block) => {
    let place = 0;
    return markedPieces(block.text, block.from, ranges).map(({ text, isMarked }) => {
      place += text.length;
      const Mark = mark === "added" ? "ins" : "del";
      return isMarked ? (
        <Mark key={place} className={styles[mark]}>
          {text}
        </Mark>
      ) : (
        text
      );
    });
  };
  return (
    <article className={styles.side}>
      <header className={styles.head}>
        <Link href={href}>
          run #{run_id} · step {group.step} · #{completion.index}
        </Link>
        <span>reward {formatFixed(completion.reward, 2)}</span>
        <span>mean {formatFixed(group.reward_mean, 2)}</span>
      </header>
      <LongText
        key={completion.id}
        text={completion.text}
        label={`Completion of run ${run_id}, step ${group.step}`}
        render={render}
      />
    </article>
  );
}
