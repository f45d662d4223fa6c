import { useEffect, useRef, useState } from "react";
import { useKeys } from "@/app/useKeys";
import type { TabProps } from "@/run/RunPage";
import { Select, TextInput } from "@/ui/Field";
import { useDebounced } from "@/ui/useDebounced";
import { MODES } from "./address";
import styles from "./SearchField.module.css";

const PAUSE_MS = 400;

/** What to look for in texts, questions and answers; asked for once one stops typing. */
export function SearchField({ address, go }: Pick<TabProps, "address" | "go">) {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(address.q);
  const settled = useDebounced(typed, PAUSE_MS);
  const now = useRef({ address, go });
  now.current = { address, go };
  useEffect(() => {
    const { address, go } = now.current;
    if (settled !== address.q) go({ q: settled });
  }, [settled]);
  useKeys("Search", [
    { keys: "f", label: "Search in completions", run: () => input.current?.focus() },
  ]);
  return (
    <search className={styles.search}>
      <TextInput
        ref={input}
        type="search"
        aria-label="Search in completions"
        placeholder="Search in completions, questions and answers"
        maxLength={1000}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
        onKeyDown={({ key, currentTarget }) => {
          if (key === "Enter") go({ q: typed });
          if (key === "Escape") currentTarget.blur();
        }}
      />
      <Select
        aria-label="How to search"
        value={address.mode}
        options={MODES}
        onChange={(mode) => go({ mode })}
      />
    </search>
  );
}
