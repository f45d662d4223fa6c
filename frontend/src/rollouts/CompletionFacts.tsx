import { classes } from "@/ui/classes";
import { formatFixed, formatNumber, plural } from "@/ui/format";
import styles from "./CompletionFacts.module.css";
import type { Completion } from "./queries";

/** What a completion earned, part by part, and how long it is. */
export function CompletionFacts({ completion }: { completion: Completion }) {
  const { advantage, finish_reason, length, logprob_mean } = completion;
  return (
    <>
      <strong
        className={classes(styles.advantage, signOf(advantage))}
        title="Advantage within its group"
      >
        {signed(advantage)}
      </strong>
      {Object.entries(completion.rewards).map(([name, value]) => (
        <RewardBar key={name} name={name} value={Number(value)} />
      ))}
      {Object.entries(completion.reward_errors).map(([name, reason]) => (
        <span key={name} className={styles.cut} title={reason}>
          {name} not scored
          <span className="visually-hidden">: {reason}</span>
        </span>
      ))}
      <span
        className={styles.length}
        title={`${plural(length, "token")}, mean log-probability ${formatNumber(logprob_mean)}`}
      >
        {formatNumber(length, 0)} tok
      </span>
      {finish_reason === "length" && <span className={styles.cut}>cut off</span>}
    </>
  );
}

/** The class that gives a signed number its colour. */
export function signOf(value: number): string | undefined {
  if (value === 0) return undefined;
  return value > 0 ? styles.positive : styles.negative;
}

export function signed(value: number): string {
  return value > 0 ? `+${formatFixed(value, 2)}` : formatFixed(value, 2);
}

/** A part of the reward: from the left up to 1, from the right down to −1; beyond 0 to 1 in figures,
 * too. */
export function RewardBar({ name, value }: { name: string; value: number }) {
  const share = Math.min(1, Math.abs(value));
  const beyond = value < 0 || value > 1;
  return (
    <span className={styles.reward} title={`${name}: ${formatNumber(value)}`}>
      {name}
      <span className={classes(styles.track, value < 0 && styles.below)}>
        <span className={styles.fill} style={{ transform: `scaleX(${share})` }} />
      </span>
      <span className={beyond ? undefined : "visually-hidden"}>{formatNumber(value)}</span>
    </span>
  );
}
