import { X } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Chip.module.css";
import { classes } from "./classes";

/** A small label: a tag, a count. */
export function Chip({ children, title }: { children: ReactNode; title?: string }) {
  return (
    <span className={styles.chip} title={title}>
      {children}
    </span>
  );
}

interface FilterChipProps {
  children: ReactNode;
  on: boolean;
  onToggle: () => void;
}

/** A filter that is on or off. */
export function FilterChip({ children, on, onToggle }: FilterChipProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      className={classes(styles.filter, on && styles.on)}
      onClick={onToggle}
    >
      {children}
      {on && <X size={12} aria-hidden />}
    </button>
  );
}
