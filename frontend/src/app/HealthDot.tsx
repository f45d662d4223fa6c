import { useHealth } from "@/api/queries";
import { classes } from "@/ui/classes";
import styles from "./HealthDot.module.css";
import { type Health, healthOf } from "./health";

const WORDS: Record<Health["level"], string> = {
  good: "All well",
  poor: "Needs attention",
  down: "Server unreachable",
  unknown: "Checking",
};

/** One dot for the whole installation, which explains itself when opened. */
export function HealthDot() {
  const query = useHealth();
  const { level, parts } = healthOf(query.data, query.isError);
  return (
    <details className={styles.health}>
      <summary className={styles.summary}>
        <span className={classes(styles.dot, styles[level])} aria-hidden />
        <span className={styles.word}>{WORDS[level]}</span>
      </summary>
      <ul className={styles.parts}>
        {parts.map((part) => (
          <li key={part.name}>
            <span
              className={classes(styles.dot, part.ok ? styles.good : styles.poor)}
              aria-hidden
            />
            <span>
              <strong>{part.name}</strong> {part.detail}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}
