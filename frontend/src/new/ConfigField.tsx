import { Plus, RotateCcw } from "lucide-react";
import { memo, useState } from "react";
import { type FieldSpec, fromText } from "@/config/form";
import { isEqual, isTable, type Value } from "@/config/nested";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Field, Select, TextInput } from "@/ui/Field";
import { WithCode } from "@/ui/WithCode";
import styles from "./ConfigForm.module.css";
import { OptionsInput } from "./OptionsInput";

interface ConfigFieldProps {
  field: FieldSpec;
  value: Value;
  changed: boolean;
  problem: string | undefined;
  /** Why it cannot be changed here; "" when it can. */
  fixed: string;
  onChange: (path: string, value: Value) => void;
  onReset: (path: string) => void;
}

/** One setting: its control, unit and help, marked when it differs from the preset. */
export const ConfigField = memo(function ConfigField(props: ConfigFieldProps) {
  const { field, changed, problem, fixed } = props;
  return (
    <div
      className={classes(
        changed ? styles.changed : styles.field,
        field.kind === "json" && styles.whole,
      )}
    >
      <Field
        label={
          <span title={field.path}>
            {field.label}
            {changed && <span className="visually-hidden"> (differs from the preset)</span>}
          </span>
        }
        unit={field.unit}
        inline={field.kind === "switch" || field.kind === "boolean"}
        problem={problem}
        help={
          fixed || (
            <WithCode
              text={[field.help, field.range && `Range: ${field.range}.`].filter(Boolean).join(" ")}
            />
          )
        }
        aside={
          changed && (
            <IconButton small label="Back to the preset" onClick={() => props.onReset(field.path)}>
              <RotateCcw size={12} />
            </IconButton>
          )
        }
      >
        {(control) => <Control {...props} control={control} />}
      </Field>
    </div>
  );
});

interface ControlProps extends ConfigFieldProps {
  control: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
  };
}

function Control({ field, value, fixed, onChange, control }: ControlProps) {
  const change = (next: Value) => onChange(field.path, next);
  switch (field.kind) {
    case "choice":
      return (
        <Select
          {...control}
          value={String(value)}
          disabled={Boolean(fixed)}
          options={field.choices.map((choice) => ({
            value: String(choice),
            label: String(choice),
          }))}
          onChange={(text) =>
            change(field.choices.find((choice) => String(choice) === text) ?? text)
          }
        />
      );
    case "variant":
      return (
        <Select
          {...control}
          value={isTable(value) ? String(value.type) : ""}
          options={Object.keys(field.variants).map((type) => ({ value: type, label: type }))}
          onChange={(type) => change({ ...field.variants[type], type })}
        />
      );
    case "switch":
      return (
        <input
          {...control}
          type="checkbox"
          checked={isTable(value)}
          onChange={(event) => change(event.target.checked ? field.on : null)}
        />
      );
    case "lines":
      return <TextArea {...control} kind="lines" value={value} onChange={change} />;
    case "json":
      return (
        <div className={styles.list}>
          <TextArea {...control} kind="json" value={value} onChange={change} />
          <Button
            small
            icon={<Plus size={12} />}
            onClick={() => change([...(Array.isArray(value) ? value : []), field.item])}
          >
            Add one
          </Button>
        </div>
      );
    case "boolean":
      return (
        <input
          {...control}
          type="checkbox"
          checked={value === true}
          onChange={(event) => change(event.target.checked)}
        />
      );
    case "table":
      return <OptionsInput {...control} value={isTable(value) ? value : {}} onChange={change} />;
    default:
      return (
        <TypedInput
          {...control}
          field={field}
          value={value}
          disabled={Boolean(fixed)}
          onChange={change}
        />
      );
  }
}

const MOST_ROWS = 16;

interface TextAreaProps {
  id: string;
  kind: "lines" | "json";
  value: Value;
  onChange: (value: Value) => void;
}

const AS_TEXT = {
  lines: (value: Value) => (Array.isArray(value) ? value.join("\n") : ""),
  json: (value: Value) => JSON.stringify(value ?? [], null, 2),
};
const FROM_TEXT = {
  lines: (typed: string): Value => typed.split("\n").filter((line) => line !== ""),
  json: (typed: string): Value => {
    try {
      return typed.trim() === "" ? [] : (JSON.parse(typed) as Value);
    } catch {
      return typed; // the server says that it is no list
    }
  },
};

/** A list: of strings one a line, of anything else as JSON. */
function TextArea({ kind, value, onChange, ...rest }: TextAreaProps) {
  const [typed, setTyped] = useState(() => AS_TEXT[kind](value));
  const shown = isEqual(FROM_TEXT[kind](typed), value) ? typed : AS_TEXT[kind](value);
  return (
    <textarea
      {...rest}
      className={styles.area}
      rows={Math.min(MOST_ROWS, Math.max(2, shown.split("\n").length))}
      spellCheck={false}
      value={shown}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(FROM_TEXT[kind](event.target.value));
      }}
    />
  );
}

interface TypedInputProps {
  id: string;
  field: FieldSpec;
  value: Value;
  disabled: boolean;
  onChange: (value: Value) => void;
}

/** Keeps what was typed as it was typed («3e-4», «1,024») as long as it means the value. */
function TypedInput({ field, value, onChange, ...rest }: TypedInputProps) {
  const [typed, setTyped] = useState(() => String(value ?? ""));
  const shown = fromText(field, typed) === value ? typed : String(value ?? "");
  return (
    <TextInput
      {...rest}
      inputMode={field.kind === "number" ? "decimal" : undefined}
      spellCheck={false}
      autoComplete="off"
      value={shown}
      onChange={(event) => {
        setTyped(event.target.value);
        onChange(fromText(field, event.target.value));
      }}
    />
  );
}
