import { type ReactNode, useCallback, useRef, useState } from "react";
import type { FieldProblem } from "@/api/problem";
import {
  controlsOf,
  type FieldSpec,
  type Group,
  isNestedField,
  type NestedField,
} from "@/config/form";
import { getAt, type Table, type Value } from "@/config/nested";
import { laidUnderStages } from "@/config/stages";
import { plural } from "@/ui/format";
import { WithCode } from "@/ui/WithCode";
import { ConfigField } from "./ConfigField";
import styles from "./ConfigForm.module.css";
import { type Draft, withField, withoutField } from "./draft";

interface ConfigFormProps {
  groups: readonly Group[];
  base: Table;
  draft: Draft;
  problems: readonly FieldProblem[];
  onChange: (draft: Draft) => void;
}

/** Every setting of a run, in groups. */
export function ConfigForm({ groups, base, draft, problems, onChange }: ConfigFormProps) {
  const now = useRef({ base, draft, onChange });
  now.current = { base, draft, onChange };
  const change = useCallback((path: string, value: Value) => {
    const { base, draft, onChange } = now.current;
    onChange(withField(draft, base, path, value));
  }, []);
  const reset = useCallback((path: string) => {
    now.current.onChange(withoutField(now.current.draft, path));
  }, []);
  const values = laidUnderStages(base, draft.overrides);
  const one = (field: FieldSpec) => (
    <ConfigField
      key={field.path}
      field={field}
      value={shownValue(field, values)}
      changed={getAt(draft.overrides, field.path) !== undefined}
      problem={problemOf(problems, field)}
      fixed={draft.start && field.path === "model.path" ? "Given by the checkpoint." : ""}
      onChange={change}
      onReset={reset}
    />
  );
  return groups.map((group) => (
    <section key={group.key} id={`group-${group.key}`} className={styles.group}>
      <header>
        <h2>{group.title}</h2>
        {group.description && (
          <p className="muted">
            <WithCode text={group.description} />
          </p>
        )}
      </header>
      <div className={styles.fields}>
        <GroupFields group={group} one={one} />
      </div>
      {group.others && group.others.length > 0 && <Others fields={group.others} one={one} />}
    </section>
  ));
}

/** What stands folded below a group, and is made when it is unfolded: a stage has a hundred. */
function Others({ fields, one }: FieldsProps) {
  const [open, setOpen] = useState(false);
  const count = controlsOf(fields).length;
  return (
    <details className={styles.others} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{plural(count, "more setting")}, as in the run's own</summary>
      {open && (
        <div className={styles.fields}>
          <Fields fields={fields} one={one} />
        </div>
      )}
    </details>
  );
}

interface FieldsProps {
  fields: readonly FieldSpec[];
  one: (field: FieldSpec) => ReactNode;
}

/** A group that is one variant needs no box: its own fields follow. */
function GroupFields({ group, one }: { group: Group; one: FieldsProps["one"] }) {
  const [only] = group.fields;
  if (only?.path !== group.key || !isNestedField(only))
    return <Fields fields={group.fields} one={one} />;
  return (
    <>
      {one(only)}
      <Fields fields={only.fields} one={one} />
    </>
  );
}

/** Single settings first, then tables, in boxes of their own. */
function Fields({ fields, one }: FieldsProps) {
  return fields
    .filter(isOpen)
    .sort((a, b) => Number(isNestedField(a)) - Number(isNestedField(b)))
    .map((field) =>
      isNestedField(field) ? <Box key={field.path} field={field} one={one} /> : one(field),
    );
}

/** The same element whether the table holds fields or none: its control keeps the focus. */
function Box({ field, one }: { field: NestedField; one: FieldsProps["one"] }) {
  return (
    <fieldset
      className={field.fields.length > 0 ? styles.box : styles.closed}
      aria-label={`${field.label} settings`}
    >
      <div className={styles.fields}>
        {field.kind === "section" ? (
          <div className={styles.title}>
            <h3 title={field.path}>{field.label}</h3>
            <p className={styles.help}>
              <WithCode text={field.help} />
            </p>
          </div>
        ) : (
          one(field)
        )}
        <Fields fields={field.fields} one={one} />
      </div>
    </fieldset>
  );
}

/** What was set, if only to null; else what the schema starts from. */
function shownValue(field: FieldSpec, values: Table): Value {
  const value = getAt(values, field.path);
  return value === undefined ? field.initial : value;
}

/** What has one choice only is no question; it stands in the resolved config. */
function isOpen(field: FieldSpec): boolean {
  return field.kind !== "choice" || field.choices.length > 1;
}

/** The first problem with a field that none of the fields within it shows. */
function problemOf(problems: readonly FieldProblem[], field: FieldSpec): string | undefined {
  const within = isNestedField(field) ? field.fields : [];
  const own = problems.filter((each) => !within.some(({ path }) => problemAt([each], path)));
  return problemAt(own, field.path);
}

/** The first problem with a field, or with something in it, which it then names. */
export function problemAt(problems: readonly FieldProblem[], path: string): string | undefined {
  const found = problems.find((each) => each.path === path || each.path.startsWith(`${path}.`));
  if (!found || found.path === path) return found?.message;
  return `${found.path.slice(path.length + 1)}: ${found.message}`;
}
