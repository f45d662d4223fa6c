import { useState } from "react";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { classes } from "@/ui/classes";
import { formatFixed, plural } from "@/ui/format";
import { CompletionCard } from "./CompletionCard";
import styles from "./GroupCard.module.css";
import { MathText } from "./MathText";
import type { Group } from "./queries";
import { histogram, rightCount, type Sort, sorted, unscoredCount } from "./rolloutOrder";

/** Enough to see the best beside the rest without scrolling past the next prompt. */
const SHOWN_COMPACT = 4;
const BINS = 8;

interface GroupCardProps {
  group: Group;
  sort: Sort;
  compact: boolean;
}

/** A prompt with its group of completions. */
export function GroupCard({ group, sort, compact }: GroupCardProps) {
  const [all, setAll] = useState(false);
  const completions = sorted(group.completions, sort);
  const shown = compact && !all ? completions.slice(0, SHOWN_COMPACT) : completions;
  const unscored = unscoredCount(completions);
  const hidden = completions.length - shown.length;
  return (
    <article className={styles.group}>
      <header className={styles.header}>
        <h4 className={styles.question}>
          <MathText text={group.question} />
        </h4>
        <span className={styles.expected}>
          expected <code>{group.answer}</code>
        </span>
        {!group.trained && (
          <Chip title="All its completions earned the same: another prompt took its place.">
            not trained on
          </Chip>
        )}
        <Policy group={group} />
        <span className={styles.figures}>
          <RewardHistogram rewards={completions.flatMap(({ reward }) => reward ?? [])} />
          <span>mean {formatFixed(group.reward_mean, 2)}</span>
          <span>
            {rightCount(completions)} of {completions.length} right
          </span>
          {unscored > 0 && <span>{unscored} not scored</span>}
        </span>
      </header>
      <ul className={classes(styles.completions, compact && styles.stacked)}>
        {shown.map((completion) => (
          <li key={completion.index}>
            <CompletionCard completion={completion} />
          </li>
        ))}
      </ul>
      {compact && completions.length > SHOWN_COMPACT && (
        <Button small kind="quiet" className={styles.more} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show ${hidden} more`}
        </Button>
      )}
    </article>
  );
}

const SHOWN_OF_FINGERPRINT = 8;

/** Which policy wrote the completions; its weights' fingerprint where they were handed over. */
function Policy({ group }: { group: Group }) {
  const { policy_version, steps_behind, fingerprint } = group;
  const weights = fingerprint && `, weights ${fingerprint}`;
  return (
    <span
      className={styles.policy}
      title={`Written by the policy as it was after ${plural(policy_version, "step")}${weights}`}
    >
      policy {policy_version}
      {steps_behind > 0 && ` · ${plural(steps_behind, "step")} old`}
      {fingerprint && (
        <>
          {" · "}
          <code>{fingerprint.slice(0, SHOWN_OF_FINGERPRINT)}</code>
        </>
      )}
    </span>
  );
}

/** How the group's rewards are spread, from 0 (or the worst below it) to the best. */
function RewardHistogram({ rewards }: { rewards: readonly number[] }) {
  const low = Math.min(...rewards, 0);
  const counts = histogram(rewards, BINS, low, Math.max(...rewards, 1));
  const most = Math.max(...counts, 1);
  return (
    <svg width={BINS * 5} height={16} role="img" className={styles.histogram}>
      <title>
        {`Rewards of the group, from ${formatFixed(low, 0)} at the left to the best at the right`}
      </title>
      {counts.map((count, bin) => {
        const height = count === 0 ? 1 : Math.max(2, (count / most) * 16);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place
          <rect key={bin} x={bin * 5} y={16 - height} width={4} height={height} />
        );
      })}
    </svg>
  );
}
