import { useState } from "react";
import { Link } from "wouter";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { CompletionCard } from "./CompletionCard";
import styles from "./GroupCard.module.css";
import { GroupFacts } from "./GroupFacts";
import { MathText } from "./MathText";
import type { Group } from "./queries";
import { type Sort, sorted } from "./rolloutOrder";

/** Enough to see the best beside the rest without scrolling past the next prompt. */
const SHOWN_COMPACT = 4;

interface GroupCardProps {
  group: Group;
  sort: Sort;
  compact: boolean;
  /** Where the group, or a completion of it, is read. */
  linkOf: (group: Group, completion?: number) => string;
}

/** A prompt with its group of completions. */
export function GroupCard({ group, sort, compact, linkOf }: GroupCardProps) {
  const [all, setAll] = useState(false);
  const completions = sorted(group.completions, sort);
  const shown = compact && !all ? completions.slice(0, SHOWN_COMPACT) : completions;
  const hidden = completions.length - shown.length;
  return (
    <article className={styles.group}>
      <header className={styles.header}>
        <h4 className={styles.question} dir="auto">
          <Link href={linkOf(group)}>
            <MathText text={group.question} />
          </Link>
        </h4>
        <GroupFacts group={group} />
      </header>
      <ul className={classes(styles.completions, compact && styles.stacked)}>
        {shown.map((completion) => (
          <li key={completion.index}>
            <CompletionCard completion={completion} href={linkOf(group, completion.index)} />
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
