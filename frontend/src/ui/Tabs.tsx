import type { KeyboardEvent, ReactNode } from "react";
import { classes } from "./classes";
import styles from "./Tabs.module.css";

export interface Tab<Key extends string> {
  key: Key;
  label: ReactNode;
}

interface TabsProps<Key extends string> {
  label: string;
  tabs: readonly Tab<Key>[];
  selected: Key;
  onSelect: (key: Key) => void;
  /** Id of the element that shows the selected tab; give it role="tabpanel". */
  panel: string;
}

/** A row of tabs; arrow keys, Home and End move along it. */
export function Tabs<Key extends string>(props: TabsProps<Key>) {
  const { label, tabs, selected, onSelect, panel } = props;

  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const next = nextIndex(
      event.key,
      tabs.findIndex((tab) => tab.key === selected),
      tabs.length,
    );
    const tab = tabs[next];
    if (!tab) return;
    event.preventDefault();
    onSelect(tab.key);
    event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
  };

  return (
    <div role="tablist" aria-label={label} className={styles.list} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.key}
          type="button"
          role="tab"
          aria-selected={tab.key === selected}
          aria-controls={panel}
          tabIndex={tab.key === selected ? 0 : -1}
          className={classes(styles.tab, tab.key === selected && styles.selected)}
          onClick={() => onSelect(tab.key)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

function nextIndex(key: string, at: number, count: number): number {
  switch (key) {
    case "ArrowRight":
      return (at + 1) % count;
    case "ArrowLeft":
      return (at + count - 1) % count;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return -1;
  }
}
