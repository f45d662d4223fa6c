import { useState } from "react";
import { messageAt } from "@/api/problem";
import type { AlertRule } from "@/api/queries";
import { FilterChip } from "@/ui/Chip";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { Field, SelectField, SuggestField, TextField, type TextFieldProps } from "@/ui/Field";
import { STATES } from "@/ui/StateBadge";
import styles from "./AlertsTab.module.css";
import { type Draft, draftOf, NEEDS, ruleBody } from "./draft";
import { type RuleScope, useAddRule, useEditRule } from "./queries";
import { ACTIONS, actionWords, KINDS, PROJECT_KINDS } from "./ruleWords";

interface RuleDialogProps {
  /** null makes a new one. */
  rule: AlertRule | null;
  scope: RuleScope;
  metrics: readonly string[];
  onClose: () => void;
}

const UNITS = [
  { value: "device_hours", label: "device-hours" },
  { value: "usd", label: "US dollars" },
] as const;

const DIRECTIONS = [
  { value: "above", label: "above" },
  { value: "below", label: "below" },
] as const;

/** Makes a rule, or changes one; only what its kind needs is asked for. */
export function RuleDialog({ rule, scope, metrics, onClose }: RuleDialogProps) {
  const [draft, setDraft] = useState<Draft>(draftOf(rule));
  const add = useAddRule(scope);
  const edit = useEditRule();
  const error = add.error ?? edit.error;
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const save = () => {
    const { kind, ...body } = ruleBody(draft);
    if (rule) edit.mutate({ id: rule.id, ...body }, { onSuccess: onClose });
    else add.mutate({ kind, ...body }, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={rule ? `Change ${rule.name}` : "New rule"}
      onClose={onClose}
      actions={
        <DialogActions
          action={rule ? "Save" : "Add the rule"}
          busy={add.isPending || edit.isPending}
          onAct={save}
          onClose={onClose}
        />
      }
    >
      <div className={styles.fields}>
        <RuleFields
          draft={draft}
          set={set}
          metrics={metrics}
          isNew={!rule}
          kinds={"run" in scope ? KINDS : [...PROJECT_KINDS, ...KINDS]}
          problemAt={(path) => messageAt(error, path)}
        />
      </div>
    </Dialog>
  );
}

interface RuleFieldsProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  metrics: readonly string[];
  isNew: boolean;
  kinds: typeof KINDS;
  problemAt: (path: string) => string | undefined;
}

function RuleFields({ draft, set, metrics, isNew, kinds, problemAt }: RuleFieldsProps) {
  const needs = NEEDS[draft.kind];
  const slope = draft.kind === "slope";
  return (
    <>
      <div className={styles.whole}>
        <TextField
          label="Name"
          problem={problemAt("name")}
          data-first
          value={draft.name}
          onChange={(name) => set({ name })}
        />
      </div>
      {isNew && (
        <div className={styles.whole}>
          <SelectField
            label="Fires when"
            problem={problemAt("kind")}
            value={draft.kind}
            options={kinds}
            onChange={(kind) => set({ kind })}
          />
        </div>
      )}
      {needs.includes("metric") && (
        <SuggestField
          label="Metric"
          problem={problemAt("metric")}
          suggestions={metrics}
          value={draft.metric}
          onChange={(metric) => set({ metric })}
        />
      )}
      {needs.includes("direction") && (
        <SelectField
          label={slope ? "Change is" : "Value is"}
          problem={problemAt("direction")}
          value={draft.direction}
          options={DIRECTIONS}
          onChange={(direction) => set({ direction })}
        />
      )}
      {needs.includes("unit") && (
        <SelectField
          label="Counted in"
          problem={problemAt("unit")}
          value={draft.unit}
          options={UNITS}
          onChange={(unit) => set({ unit })}
        />
      )}
      {needs.includes("limit") && (
        <NumberField
          label="Limit"
          unit={slope ? "a step" : undefined}
          value={draft.limit}
          problem={problemAt("limit")}
          onChange={(limit) => set({ limit })}
        />
      )}
      {needs.includes("points") && (
        <NumberField
          label={slope ? "Over" : "For"}
          unit="points"
          value={draft.points}
          problem={problemAt("points")}
          onChange={(points) => set({ points })}
        />
      )}
      {needs.includes("seconds") && (
        <NumberField
          label="For"
          unit="seconds"
          value={draft.seconds}
          problem={problemAt("seconds")}
          onChange={(seconds) => set({ seconds })}
        />
      )}
      {needs.includes("states") && <StatesField {...{ draft, set, problemAt }} />}
      {needs.includes("days") && (
        <NumberField
          label="In the last"
          unit="days"
          value={draft.days}
          problem={problemAt("days")}
          onChange={(days) => set({ days })}
        />
      )}
      {draft.kind !== "state" && (
        <SelectField
          label="And then"
          problem={problemAt("action")}
          value={draft.action}
          options={ACTIONS.map(({ value }) => ({
            value,
            label: actionWords({ kind: draft.kind, action: value }),
          }))}
          onChange={(action) => set({ action })}
        />
      )}
    </>
  );
}

function NumberField(props: TextFieldProps) {
  return <TextField inputMode="decimal" {...props} />;
}

function StatesField({
  draft,
  set,
  problemAt,
}: Pick<RuleFieldsProps, "draft" | "set" | "problemAt">) {
  const toggle = (state: string) => {
    const has = draft.states.includes(state);
    const rest = draft.states.filter((each) => each !== state);
    set({ states: has ? rest : [...rest, state] });
  };
  return (
    <Field label="States" problem={problemAt("states")}>
      {({ id }) => (
        <fieldset id={id} className={styles.states}>
          {STATES.map((state) => (
            <FilterChip
              key={state}
              on={draft.states.includes(state)}
              onToggle={() => toggle(state)}
            >
              {state}
            </FilterChip>
          ))}
        </fieldset>
      )}
    </Field>
  );
}
