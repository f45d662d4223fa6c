import { useState } from "react";
import { useRunColumns } from "@/api/queries";
import { SelectField, SuggestField, TextField } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import styles from "./ConditionDialog.module.css";
import { isCondition } from "./filters";

const OF_RUN = [
  "reward",
  "pass_at_1",
  "tokens_per_s",
  "last_step",
  "duration_s",
  "device_hours",
  "cost_usd",
];
const SIGNS = [
  { value: ">=", label: "at least" },
  { value: "<=", label: "at most" },
  { value: ">", label: "above" },
  { value: "<", label: "below" },
  { value: "=", label: "exactly" },
  { value: "!=", label: "not" },
] as const;
type Sign = (typeof SIGNS)[number]["value"];

interface ConditionDialogProps {
  onAdd: (condition: string) => void;
  onClose: () => void;
}

/** Asks for a condition on a value of a run: `reward>=0.5`. */
export default function ConditionDialog({ onAdd, onClose }: ConditionDialogProps) {
  const [name, setName] = useState("reward");
  const [sign, setSign] = useState<Sign>(">=");
  const [value, setValue] = useState("");
  const [tried, setTried] = useState(false);
  const metrics = useRunColumns().data ?? [];
  const condition = `${name.trim()}${sign}${value.trim()}`;
  const add = () => {
    setTried(true);
    if (isCondition(condition)) onAdd(condition);
  };
  return (
    <FormDialog title="Only runs whose …" action="Add the condition" onAct={add} onClose={onClose}>
      <div className={styles.condition}>
        <SuggestField
          label="Value"
          problem={tried && !name.trim() ? "Name a metric." : undefined}
          suggestions={[...OF_RUN, ...metrics]}
          value={name}
          onChange={setName}
        />
        <SelectField label="Is" value={sign} options={SIGNS} onChange={setSign} />
        <TextField
          label="Number"
          problem={tried && !isCondition(condition) ? "Give a number, such as 0.5." : undefined}
          data-first
          inputMode="decimal"
          autoComplete="off"
          value={value}
          onChange={setValue}
        />
        <p className={styles.help}>
          “null” with exactly or not asks whether there is a value at all.
        </p>
      </div>
    </FormDialog>
  );
}
