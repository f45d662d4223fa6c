import { Plus, X } from "lucide-react";
import { useState } from "react";
import { isEqual, type Table, type Value } from "@/config/nested";
import { Button, IconButton } from "@/ui/Button";
import { TextInput } from "@/ui/Field";
import { uniqueId } from "@/ui/uniqueId";
import styles from "./OptionsInput.module.css";

type Pair = { id: string; key: string; value: string };

interface OptionsInputProps {
  id: string;
  "aria-describedby": string | undefined;
  value: Table;
  onChange: (value: Table) => void;
}

/** Names and values that no schema knows beforehand. */
export function OptionsInput({ value, onChange, ...control }: OptionsInputProps) {
  const [pairs, setPairs] = useState(() => pairsOf(value));
  // What came from elsewhere (a reset, a pasted config) takes the place of what was typed.
  const shown = isEqual(tableOf(pairs), value) ? pairs : pairsOf(value);
  const change = (next: Pair[]) => {
    setPairs(next);
    onChange(tableOf(next));
  };
  const edit = (at: string, part: Partial<Pair>) =>
    change(shown.map((pair) => (pair.id === at ? { ...pair, ...part } : pair)));

  return (
    <fieldset {...control} className={styles.options}>
      {shown.map((pair) => (
        <div key={pair.id} className={styles.pair}>
          <TextInput
            aria-label="Name of the option"
            placeholder="name"
            value={pair.key}
            onChange={(event) => edit(pair.id, { key: event.target.value })}
          />
          <TextInput
            aria-label={`Value of ${pair.key || "the option"}`}
            placeholder="value"
            value={pair.value}
            onChange={(event) => edit(pair.id, { value: event.target.value })}
          />
          <IconButton
            small
            label={`Remove ${pair.key || "the option"}`}
            onClick={() => change(shown.filter((other) => other.id !== pair.id))}
          >
            <X size={14} />
          </IconButton>
        </div>
      ))}
      <Button
        small
        icon={<Plus size={12} />}
        onClick={() => change([...shown, { id: uniqueId(), key: "", value: "" }])}
      >
        Add an option
      </Button>
    </fieldset>
  );
}

function pairsOf(table: Table): Pair[] {
  return Object.entries(table).map(([key, value]) => ({
    id: key,
    key,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

function tableOf(pairs: readonly Pair[]): Table {
  const named = pairs.filter((pair) => pair.key !== "");
  return Object.fromEntries(named.map((pair) => [pair.key, meaning(pair.value)]));
}

/** "3" is a number and "true" is true; all else is text. */
function meaning(text: string): Value {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number)) return number;
  return text === "true" || text === "false" ? text === "true" : text;
}
