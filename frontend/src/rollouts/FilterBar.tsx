import { Plus } from "lucide-react";
import { useState } from "react";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { FilterChip } from "@/ui/Chip";
import { Select, TextInput } from "@/ui/Field";
import {
  conditionLabel,
  fieldsOf,
  SIGNS,
  type Sign,
  withCondition,
  without,
  wordsOf,
} from "./conditions";
import styles from "./FilterBar.module.css";

interface FilterBarProps extends Pick<TabProps, "address" | "go"> {
  /** Of the reward, by name. */
  parts: readonly string[];
}

/** What is asked for most, what else is filtered by, and a way to add to it. */
export function FilterBar({ address, go, parts }: FilterBarProps) {
  const { where, starred } = address;
  const right = parts.includes("accuracy") ? "rewards.accuracy" : "reward";
  const usual = [
    { label: "Right", condition: `${right}>=1` },
    { label: "Wrong", condition: `${right}<1` },
    { label: "Cut off", condition: "finish_reason=length" },
    { label: "No answer", condition: "parsed=null" },
  ];
  const others = where.filter((text) => !usual.some(({ condition }) => condition === text));
  return (
    <fieldset className={styles.bar}>
      <legend className="visually-hidden">Conditions</legend>
      {usual.map(({ label, condition }) => {
        const on = where.includes(condition);
        return (
          <FilterChip
            key={label}
            on={on}
            onToggle={() =>
              go({
                where: on
                  ? where.filter((text) => text !== condition)
                  : withCondition(without(where, fieldOf(condition)), condition),
              })
            }
          >
            {label}
          </FilterChip>
        );
      })}
      <FilterChip on={starred} onToggle={() => go({ starred: !starred })}>
        Starred
      </FilterChip>
      {others.map((text) => (
        <FilterChip
          key={text}
          on
          onToggle={() => go({ where: where.filter((other) => other !== text) })}
        >
          <span title={text}>{conditionLabel(text)}</span>
        </FilterChip>
      ))}
      <AddCondition
        fields={fieldsOf(parts)}
        onAdd={(text) => go({ where: withCondition(where, text) })}
      />
    </fieldset>
  );
}

function fieldOf(condition: string): string {
  return condition.split(/[<>=!]/)[0] ?? "";
}

interface AddConditionProps {
  fields: readonly string[];
  onAdd: (text: string) => void;
}

/** The server says what is wrong with a value; the address keeps it for mending. */
function AddCondition({ fields, onAdd }: AddConditionProps) {
  const [field, setField] = useState("reward");
  const [sign, setSign] = useState<Sign>(">=");
  const [value, setValue] = useState("");
  return (
    <form
      className={styles.add}
      onSubmit={(event) => {
        event.preventDefault();
        if (value.trim()) onAdd(`${field}${sign}${value.trim()}`);
        setValue("");
      }}
    >
      <Select
        aria-label="Field"
        value={field}
        options={fields.map((each) => ({ value: each, label: wordsOf(each) }))}
        onChange={setField}
      />
      <Select
        aria-label="Comparison"
        value={sign}
        options={SIGNS.map((each) => ({ value: each, label: each }))}
        onChange={setSign}
      />
      <TextInput
        aria-label="Value"
        placeholder="value"
        maxLength={100}
        value={value}
        onChange={({ target }) => setValue(target.value)}
      />
      <Button small type="submit" icon={<Plus size={14} />} disabled={!value.trim()}>
        Add
      </Button>
    </form>
  );
}
