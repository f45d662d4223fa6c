import { Check } from "lucide-react";
import { classes } from "@/ui/classes";
import { formatFixed, formatPercent } from "@/ui/format";
import styles from "./Clusters.module.css";
import { MathText } from "./MathText";
import type { Cluster } from "./queries";

interface ClustersProps {
  clusters: readonly Cluster[];
  /** Place in the group of the completion that the keys act on. */
  current: number;
  /** With the place of the first completion that answers so. */
  onChoose: (index: number) => void;
}

/** What the group answers, the majority first: how many say so, and what they earned. */
export function Clusters({ clusters, current, onChoose }: ClustersProps) {
  return (
    <fieldset className={styles.clusters}>
      <legend className="visually-hidden">Answers</legend>
      {clusters.map((cluster, place) => (
        <button
          key={cluster.indexes[0]}
          type="button"
          aria-pressed={cluster.indexes.includes(current)}
          title={wordsOf(cluster, place === 0 && clusters.length > 1)}
          className={classes(styles.cluster, cluster.answer === null && styles.none)}
          onClick={() => onChoose(cluster.indexes[0] ?? 0)}
        >
          {(cluster.right ?? cluster.expected) && <Check size={12} aria-label="right" />}
          <bdi className={styles.answer}>
            <MathText text={cluster.answer ?? "no answer"} />
          </bdi>
          <span className={styles.count}>×{cluster.indexes.length}</span>
        </button>
      ))}
    </fieldset>
  );
}

function wordsOf({ share, reward_mean, expected, right }: Cluster, isMajority: boolean): string {
  return [
    `${formatPercent(share, 0)} of the group`,
    `mean reward ${formatFixed(reward_mean, 2)}`,
    ...(isMajority ? ["the majority's answer"] : []),
    ...(right ? ["taken as right by the verifier"] : []),
    ...(expected ? ["as expected"] : []),
  ].join(", ");
}
