import { useCallback, useRef } from "react";
import type { FieldProblem } from "@/api/problem";
import type { FieldSpec, Group } from "@/config/form";
import { getAt, laidOver, type Table, type Value } from "@/config/nested";
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
  const values = laidOver(base, draft.overrides);
  return groups.map((group) => (
    <section key={group.key} id={`group-${group.key}`} className={styles.group}>
      <header>
        <h2>{group.title}</h2>
        {group.description && <p className="muted">{group.description}</p>}
      </header>
      <div className={styles.fields}>
        {group.fields.filter(isOpen).map((field) => (
          <ConfigField
            key={field.path}
            field={field}
            value={shownValue(field, values)}
            changed={getAt(draft.overrides, field.path) !== undefined}
            problem={problemAt(problems, field.path)}
            fixed={draft.start && field.path === "model.path" ? "Given by the checkpoint." : ""}
            onChange={change}
            onReset={reset}
          />
        ))}
      </div>
    </section>
  ));
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

/** The first problem with a field, or with something in it. */
export function problemAt(problems: readonly FieldProblem[], path: string): string | undefined {
  return problems.find((each) => each.path === path || each.path.startsWith(`${path}.`))?.message;
}
