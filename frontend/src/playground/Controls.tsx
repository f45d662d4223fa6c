import { useId } from "react";
import { Field, Select, TextInput } from "@/ui/Field";
import { Segmented } from "@/ui/Segmented";
import type { Settings } from "./address";
import styles from "./Controls.module.css";

interface ControlsProps {
  settings: Settings;
  /** "base", "step-300": what can be talked to. */
  places: string[];
  onChange: (settings: Settings) => void;
}

/** Whom to ask, what, and how the answer is drawn. */
export function Controls({ settings, places, onChange }: ControlsProps) {
  const set = (changes: Partial<Settings>) => onChange({ ...settings, ...changes });
  const options = places.map((place) => ({ value: place, label: place }));
  return (
    <>
      <div className={styles.row}>
        <Field label="Model">
          {(control) => (
            <Select
              {...control}
              value={settings.left}
              options={options}
              onChange={(left) => set({ left })}
            />
          )}
        </Field>
        <Field label="Beside it">
          {(control) => (
            <Select
              {...control}
              value={settings.right}
              options={[{ value: "", label: "none" }, ...options]}
              onChange={(right) => set({ right })}
            />
          )}
        </Field>
        <NumberField
          label="Temperature"
          value={settings.temperature}
          min={0}
          max={10}
          step={0.05}
          onChange={(temperature) => set({ temperature: temperature ?? 1 })}
        />
        <NumberField
          label="Seed"
          value={settings.seed}
          min={0}
          max={Number.MAX_SAFE_INTEGER}
          onChange={(seed) => set({ seed: seed ?? 0 })}
        />
        <NumberField
          label="Longest, tokens"
          value={settings.maxTokens}
          min={1}
          max={100_000}
          onChange={(maxTokens) => set({ maxTokens })}
        />
      </div>
      <div className={styles.choice}>
        <Segmented
          label="What to ask"
          value={settings.mode}
          options={[
            { value: "problem", label: "A problem of the task" },
            { value: "text", label: "A question of yours" },
          ]}
          onChange={(mode) => set({ mode })}
        />
      </div>
      {settings.mode === "text" ? (
        <QuestionField value={settings.question} onChange={(question) => set({ question })} />
      ) : (
        <div className={styles.row}>
          <NumberField
            label="Held-out problem, number"
            value={settings.problem}
            min={0}
            max={999}
            onChange={(problem) => set({ problem: problem ?? 0 })}
          />
        </div>
      )}
    </>
  );
}

function QuestionField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const id = useId();
  return (
    <div className={styles.question}>
      <label htmlFor={id}>Question</label>
      <textarea
        id={id}
        required
        rows={3}
        maxLength={16_384}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}

interface NumberFieldProps {
  label: string;
  value: number | null;
  min: number;
  max: number;
  step?: number;
  onChange: (value: number | null) => void;
}

function NumberField({ label, value, onChange, ...bounds }: NumberFieldProps) {
  return (
    <Field label={label}>
      {(control) => (
        <TextInput
          {...control}
          {...bounds}
          type="number"
          placeholder="as in training"
          value={value ?? ""}
          onChange={(event) =>
            onChange(event.target.value === "" ? null : event.target.valueAsNumber)
          }
        />
      )}
    </Field>
  );
}
