import { CircleAlert } from "lucide-react";
import { BlockText } from "@/rollouts/BlockText";
import { type Block, blocksOf } from "@/rollouts/blocks";
import { RewardBar } from "@/rollouts/CompletionFacts";
import { formatNumber, plural } from "@/ui/format";
import styles from "./AnswerCard.module.css";
import { type Answer, isUnderWay, type Reward } from "./answer";

const WORDS: Partial<Record<Answer["state"], string>> = {
  asking: "Asking…",
  loading: "The node is loading the model…",
  writing: "Writing…",
  scoring: "Scoring…",
  stopped: "Stopped",
};

/** What one model says: its reasoning folded, its answer apart, and what the run's rewards give. */
export function AnswerCard({ name, answer }: { name: string; answer: Answer | null }) {
  return (
    <article className={`panel ${styles.card}`} aria-label={name}>
      <header className={styles.head}>
        <h2>{name}</h2>
        {answer && <Facts answer={answer} />}
      </header>
      {answer === null ? (
        <p className={styles.quiet}>Nothing asked yet.</p>
      ) : (
        <Said {...{ answer }} />
      )}
      {answer?.trouble && (
        <p role="alert" className={styles.trouble}>
          <CircleAlert size={14} aria-hidden />
          {answer.trouble}
        </p>
      )}
      {answer?.reward && <Rewards reward={answer.reward} expected={answer.expected} />}
    </article>
  );
}

function Facts({ answer }: { answer: Answer }) {
  return (
    <p className={styles.facts}>
      <span aria-live="polite">{WORDS[answer.state]}</span>
      {answer.tokens > 0 && <span>{plural(answer.tokens, "token")}</span>}
      {answer.cutOff && <span className={styles.cut}>cut off</span>}
    </p>
  );
}

function Said({ answer }: { answer: Answer }) {
  const blocks = blocksOf(answer.text).map((block) =>
    isUnderWay(answer) ? { ...block, isOpen: false } : block,
  );
  const thought = blocks.filter(({ kind }) => kind === "think");
  const rest = blocks.filter(({ kind }) => kind !== "think");
  return (
    <div className={styles.said}>
      {thought.length > 0 && (
        <details>
          <summary>Reasoning, {plural(answer.thinkTokens, "token")}</summary>
          <Blocks blocks={thought} />
        </details>
      )}
      <Blocks blocks={rest} />
    </div>
  );
}

function Blocks({ blocks }: { blocks: Block[] }) {
  return blocks.map((block) => <BlockText key={`${block.kind} ${block.from}`} block={block} />);
}

function Rewards({ reward, expected }: { reward: Reward; expected: string | null }) {
  const parts = Object.entries(reward.parts).filter(([, value]) => value !== null);
  return (
    <footer className={styles.rewards}>
      {reward.total !== null && <strong>reward {formatNumber(reward.total)}</strong>}
      {parts.map(([name, value]) => (
        <RewardBar key={name} name={name} value={Number(value)} />
      ))}
      {expected !== null && <span>right answer {expected}</span>}
      {Object.entries(reward.errors).map(([name, reason]) => (
        <span key={name} className={styles.cut}>
          {name} not scored: {reason}
        </span>
      ))}
      {reward.left_out.length > 0 && (
        <span className={styles.quiet}>without {reward.left_out.join(", ")}</span>
      )}
    </footer>
  );
}
