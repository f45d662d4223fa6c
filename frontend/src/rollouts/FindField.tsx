import { ChevronDown, ChevronUp } from "lucide-react";
import { useRef } from "react";
import { useKeys } from "@/app/useKeys";
import { IconButton } from "@/ui/Button";
import { TextInput } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import styles from "./FindField.module.css";
import type { Finder } from "./useFinder";

/** Words to find in the completion that is read, which of them one is at, and the way to the next. */
export function FindField({ finder }: { finder: Finder }) {
  const { words, places, at, onWords, onMove } = finder;
  const input = useRef<HTMLInputElement>(null);
  useKeys("Find", [
    { keys: "f", label: "Find in this completion", run: () => input.current?.focus() },
  ]);
  const count = (value: number) => formatNumber(value, 0);
  return (
    <search className={styles.find}>
      <TextInput
        ref={input}
        type="search"
        aria-label="Find in this completion"
        placeholder="Find in this completion"
        maxLength={200}
        value={words}
        onChange={({ target }) => onWords(target.value)}
        onKeyDown={({ key, shiftKey, currentTarget }) => {
          if (key === "Enter") onMove(shiftKey ? -1 : 1);
          if (key !== "Escape") return;
          onWords("");
          currentTarget.blur();
        }}
      />
      {words && (
        <span role="status" className={styles.count}>
          {places.length > 0 ? `${count(at + 1)} of ${count(places.length)}` : "not found"}
        </span>
      )}
      {places.length > 0 && (
        <>
          <IconButton small label="Find the one before" onClick={() => onMove(-1)}>
            <ChevronUp size={16} />
          </IconButton>
          <IconButton small label="Find the next one" onClick={() => onMove(1)}>
            <ChevronDown size={16} />
          </IconButton>
        </>
      )}
    </search>
  );
}
