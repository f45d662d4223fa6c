import { CircleAlert } from "lucide-react";
import { type InputHTMLAttributes, type ReactNode, type Ref, useId } from "react";
import { classes } from "./classes";
import styles from "./Field.module.css";

interface ControlProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

interface FieldProps {
  label: ReactNode;
  unit?: string;
  help?: ReactNode;
  problem?: string;
  /** Beside the label: a mark, a reset button. */
  aside?: ReactNode;
  /** The control stands before its label, as a tick does. */
  inline?: boolean;
  children: (control: ControlProps) => ReactNode;
}

/** A labelled control with its unit, its help, and its problem where it is. */
export function Field({ label, unit, help, problem, aside, inline, children }: FieldProps) {
  const id = useId();
  const described = [problem && `${id}-problem`, help && `${id}-help`].filter(Boolean).join(" ");
  return (
    <div className={classes(styles.field, inline && styles.inline)}>
      <div className={styles.head}>
        <label htmlFor={id}>{label}</label>
        {aside}
      </div>
      <div className={styles.control}>
        {children({
          id,
          "aria-describedby": described || undefined,
          "aria-invalid": problem ? true : undefined,
        })}
        {unit && <span className={styles.unit}>{unit}</span>}
      </div>
      {problem && (
        <p id={`${id}-problem`} className={styles.problem}>
          <CircleAlert size={14} aria-hidden />
          {problem}
        </p>
      )}
      {help && (
        <p id={`${id}-help`} className={styles.help}>
          {help}
        </p>
      )}
    </div>
  );
}

interface TextInputProps extends InputHTMLAttributes<HTMLInputElement> {
  ref?: Ref<HTMLInputElement>;
}

export function TextInput({ className, ...rest }: TextInputProps) {
  return <input className={classes(styles.input, className)} {...rest} />;
}

interface SelectProps<Value extends string> extends Partial<ControlProps> {
  value: Value;
  options: readonly { value: Value; label: string }[];
  onChange: (value: Value) => void;
  "aria-label"?: string;
  disabled?: boolean;
}

export function Select<Value extends string>({ options, onChange, ...rest }: SelectProps<Value>) {
  return (
    <select
      className={styles.select}
      {...rest}
      onChange={(event) => onChange(event.target.value as Value)}
    >
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

export interface TextFieldProps
  extends Pick<FieldProps, "label" | "unit" | "help" | "problem">,
    Omit<TextInputProps, "onChange"> {
  onChange: (value: string) => void;
}

/** A field for a line of text; a number, too, is text until it is sent. */
export function TextField({ label, unit, help, problem, onChange, ...rest }: TextFieldProps) {
  return (
    <Field {...{ label, unit, help, problem }}>
      {(control) => (
        <TextInput {...control} {...rest} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}

interface SuggestFieldProps extends Omit<TextFieldProps, "list"> {
  suggestions: readonly string[];
}

/** A field for a line of text that is likely one of these. */
export function SuggestField({ suggestions, ...rest }: SuggestFieldProps) {
  const list = useId();
  return (
    <>
      <TextField {...rest} list={list} />
      <datalist id={list}>
        {suggestions.map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
    </>
  );
}

type SelectFieldProps<Value extends string> = Pick<FieldProps, "label" | "help" | "problem"> &
  SelectProps<Value>;

/** A field for one of a few values. */
export function SelectField<Value extends string>(props: SelectFieldProps<Value>) {
  const { label, help, problem, ...rest } = props;
  return (
    <Field {...{ label, help, problem }}>{(control) => <Select {...control} {...rest} />}</Field>
  );
}
