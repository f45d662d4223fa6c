import { Chip } from "@/ui/Chip";
import { formatFixed, plural } from "@/ui/format";
import styles from "./GroupFacts.module.css";
import type { Group } from "./queries";
import { histogram, rightCount, unscoredCount } from "./rolloutOrder";

const BINS = 8;

/** What is expected, which policy wrote, and how the group did. */
export function GroupFacts({ group }: { group: Group }) {
  const { completions } = group;
  const unscored = unscoredCount(completions);
  return (
    <>
      <span className={styles.expected}>
        expected <code dir="auto">{group.answer}</code>
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
    </>
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
