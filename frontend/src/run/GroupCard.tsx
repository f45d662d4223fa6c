import { useState } from "react";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { formatFixed } from "@/ui/format";
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

/** How the group's rewards are spread, from 0 to the best. */
function RewardHistogram({ rewards }: { rewards: readonly number[] }) {
  const counts = histogram(rewards, BINS, Math.max(...rewards, 1));
  const most = Math.max(...counts, 1);
  return (
    <svg width={BINS * 5} height={16} role="img" className={styles.histogram}>
      <title>Rewards of the group, from 0 at the left to the best at the right</title>
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
