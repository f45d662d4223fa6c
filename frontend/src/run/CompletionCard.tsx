import { classes } from "@/ui/classes";
import { formatFixed, formatNumber, plural } from "@/ui/format";
import styles from "./CompletionCard.module.css";
import { partsOf } from "./completionText";
import { MathText } from "./MathText";
import type { Completion } from "./queries";

/** What a model wrote, what it earned for it, and how that compares within its group. */
export function CompletionCard({ completion }: { completion: Completion }) {
  const { advantage, finish_reason, length, logprob_mean } = completion;
  return (
    <article
      className={classes(
        styles.completion,
        advantage > 0 && styles.positive,
        advantage < 0 && styles.negative,
      )}
    >
      <header className={styles.header}>
        <strong className={styles.advantage} title="Advantage within its group">
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
      </header>
      <CompletionText text={completion.text} />
    </article>
  );
}

function signed(value: number): string {
  return value > 0 ? `+${formatFixed(value, 2)}` : formatFixed(value, 2);
}

/** A part of the reward: from the left up to 1, from the right down to −1; beyond 0 to 1 in figures,
 * too. */
function RewardBar({ name, value }: { name: string; value: number }) {
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

const NAMES = { think: "think", answer: "answer", text: "" };

function CompletionText({ text }: { text: string }) {
  const parts = partsOf(text);
  if (parts.length === 0) return <p className={styles.nothing}>nothing</p>;
  return (
    <div className={styles.text}>
      {parts.map((part, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts are their places
        <div key={place} className={classes(styles.part, styles[part.kind])}>
          {NAMES[part.kind] && <span className={styles.tag}>{NAMES[part.kind]}</span>}
          <span className={styles.words}>
            <MathText text={part.text.trim()} />
            {!part.closed && <span className={styles.open}> …not closed</span>}
          </span>
        </div>
      ))}
    </div>
  );
}
