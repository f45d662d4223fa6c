import { useDeferredValue, useEffect, useId, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { useLocation } from "wouter";
import { useRunList } from "@/api/queries";
import { readFilters, toQuery } from "@/runs/filters";
import { Dialog } from "@/ui/Dialog";
import { TextInput } from "@/ui/Field";
import styles from "./CommandPalette.module.css";
import { type Command, matching, pageCommands, shortcutCommands } from "./commands";
import { useShortcutGroups } from "./shortcuts";

/** Types its way to any page, run or action. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const commands = useCommands(text);
  const list = useId();
  const chosen = Math.min(at, commands.length - 1);

  const choose = (command: Command | undefined) => {
    if (!command) return;
    flushSync(onClose); // the page takes the focus again first
    command.run();
  };
  const onKey = (key: string) => {
    if (key === "ArrowDown") setAt(Math.min(chosen + 1, commands.length - 1));
    else if (key === "ArrowUp") setAt(Math.max(chosen - 1, 0));
    else if (key === "Enter") choose(commands[chosen]);
    else return false;
    return true;
  };

  return (
    <Dialog title="Go to" onClose={onClose}>
      <TextInput
        role="combobox"
        aria-label="A page, a run or an action"
        aria-expanded
        aria-controls={list}
        aria-activedescendant={`${list}-${chosen}`}
        placeholder="A page, a run or an action"
        value={text}
        data-first
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => onKey(event.key) && event.preventDefault()}
      />
      <div id={list} role="listbox" aria-label="Found" className={styles.list}>
        {commands.map((command, index) => (
          <Row
            key={command.id}
            id={`${list}-${index}`}
            command={command}
            chosen={index === chosen}
            onChoose={() => choose(command)}
          />
        ))}
      </div>
      {commands.length === 0 && <p className="muted">Nothing by that name.</p>}
    </Dialog>
  );
}

interface RowProps {
  id: string;
  command: Command;
  chosen: boolean;
  onChoose: () => void;
}

function Row({ id, command, chosen, onChoose }: RowProps) {
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (chosen) row.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the combobox's
    <div
      ref={row}
      id={id}
      role="option"
      tabIndex={-1}
      aria-selected={chosen}
      className={styles.row}
      onClick={onChoose}
    >
      <span className="truncate">{command.label}</span>
      <span className="muted">{command.kind}</span>
    </div>
  );
}

function useCommands(text: string): Command[] {
  const [, navigate] = useLocation();
  const q = useDeferredValue(text.trim());
  const runs = useRunList(toQuery(readFilters(new URLSearchParams(q && { q }))));
  const found = runs.data?.pages[0]?.items ?? [];
  const pages = pageCommands(navigate);
  return [
    ...matching([...shortcutCommands(useShortcutGroups(), pages), ...pages], text),
    ...found.slice(0, 20).map((run) => ({
      id: `run-${run.id}`,
      label: `${run.name} · #${run.id}`,
      kind: run.state,
      run: () => navigate(`/runs/${run.id}`),
    })),
  ];
}
