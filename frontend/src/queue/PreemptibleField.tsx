import { Field } from "@/ui/Field";

interface PreemptibleFieldProps {
  value: boolean;
  onChange: (value: boolean) => void;
}

/** Whether a run may be made to give way to one of higher priority. */
export function PreemptibleField({ value, onChange }: PreemptibleFieldProps) {
  return (
    <Field
      label="Preemptible"
      inline
      help="It may have to save and wait while a run of higher priority takes its devices."
    >
      {(control) => (
        <input
          {...control}
          type="checkbox"
          checked={value}
          onChange={(event) => onChange(event.target.checked)}
        />
      )}
    </Field>
  );
}
