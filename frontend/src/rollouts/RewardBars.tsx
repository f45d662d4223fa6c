import { useEffect, useRef } from "react";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import type { Completion } from "./queries";
import styles from "./RewardBars.module.css";

interface RewardBarsProps {
  completions: readonly Completion[];
  place: number;
  onMove: (place: number) => void;
}

/** The rewards of a group as bars, in the order of its columns; a click brings that column. */
export function RewardBars({ completions, place, onMove }: RewardBarsProps) {
  const current = useRef<HTMLButtonElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the place moves the reference
  useEffect(() => {
    current.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [place]);
  const rewards = completions.map(({ reward }) => reward ?? 0);
  const [low, top] = [Math.min(0, ...rewards), Math.max(0, ...rewards)];
  const share = (value: number) => `${(Math.abs(value) / (top - low || 1)) * 100}%`;
  return (
    <fieldset className={styles.bars}>
      <legend className="visually-hidden">Rewards</legend>
      {completions.map(({ index, reward }, at) => (
        <button
          key={index}
          ref={at === place ? current : undefined}
          type="button"
          aria-pressed={at === place}
          aria-label={`Completion ${index}: reward ${formatNumber(reward)}`}
          title={`#${index}: reward ${formatNumber(reward)}`}
          className={styles.bar}
          onClick={() => onMove(at)}
        >
          <span
            className={classes(styles.fill, (reward ?? 0) < 0 && styles.below)}
            style={{ height: share(reward ?? 0), bottom: (reward ?? 0) < 0 ? 0 : share(low) }}
          />
        </button>
      ))}
    </fieldset>
  );
}
