import { Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { AlertRule } from "@/api/queries";
import type { Facts } from "@/live/facts";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Confirm } from "@/ui/Dialog";
import { ErrorState } from "@/ui/Message";
import { Progress } from "@/ui/Progress";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { useToast } from "@/ui/toast";
import styles from "./AlertsTab.module.css";
import { draftOf, ruleBody } from "./draft";
import { type RuleScope, useAddRule, useDeleteRule, useEditRule, useRules } from "./queries";
import { RuleDialog } from "./RuleDialog";
import { actionWords, amount, ruleWords } from "./ruleWords";

interface RuleTableProps {
  title?: string;
  scope: RuleScope;
  facts: Facts | null;
  /** Names to propose. */
  metrics: readonly string[];
  mayChange: boolean;
}

/** Rules, each to be switched on and off, changed and deleted. */
export function RuleTable({ title, scope, facts, metrics, mayChange }: RuleTableProps) {
  const query = useRules(scope, facts);
  const [editing, setEditing] = useState<AlertRule | "new" | null>(null);
  const [deleting, setDeleting] = useState<AlertRule | null>(null);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  return (
    <section className={table.section}>
      <div className={styles.head}>
        {title && <h3>{title}</h3>}
        {mayChange && (
          <Button small icon={<Plus size={14} />} onClick={() => setEditing("new")}>
            Add a rule
          </Button>
        )}
      </div>
      <Table>
        <thead>
          <tr>
            <th>On</th>
            <th>Rule</th>
            <th>Fires when</th>
            <th>And then</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {query.data.map((rule) => (
            <RuleRow
              key={rule.id}
              rule={rule}
              mayChange={mayChange}
              onEdit={() => setEditing(rule)}
              onDelete={() => setDeleting(rule)}
            />
          ))}
        </tbody>
      </Table>
      {editing && (
        <RuleDialog
          rule={editing === "new" ? null : editing}
          scope={scope}
          metrics={metrics}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && <DeleteRule rule={deleting} scope={scope} onClose={() => setDeleting(null)} />}
    </section>
  );
}

interface RuleRowProps {
  rule: AlertRule;
  mayChange: boolean;
  onEdit: () => void;
  onDelete: () => void;
}

function RuleRow({ rule, mayChange, onEdit, onDelete }: RuleRowProps) {
  const edit = useEditRule();
  return (
    <tr className={classes(!rule.enabled && styles.off)}>
      <td>
        <input
          type="checkbox"
          aria-label={`${rule.name} is on`}
          checked={rule.enabled}
          disabled={!mayChange || edit.isPending}
          onChange={(event) => edit.mutate({ id: rule.id, enabled: event.target.checked })}
        />
      </td>
      <th scope="row">{rule.name}</th>
      <td className={table.prose}>
        {ruleWords(rule)}
        {rule.used !== null && <BudgetBar rule={rule} used={rule.used} />}
      </td>
      <td>{actionWords(rule)}</td>
      <td>
        {mayChange && (
          <div className={table.actions}>
            <IconButton small label={`Change ${rule.name}`} onClick={onEdit}>
              <Pencil size={14} />
            </IconButton>
            <IconButton small label={`Delete ${rule.name}`} onClick={onDelete}>
              <Trash2 size={14} />
            </IconButton>
          </div>
        )}
      </td>
    </tr>
  );
}

/** How much of a budget is used. */
function BudgetBar({ rule, used }: { rule: AlertRule; used: number }) {
  const words = `${amount(used, rule.unit)} used`;
  return (
    <span className={styles.used}>
      <Progress value={used} max={rule.limit ?? used} label={words} />
      {words}
    </span>
  );
}

interface DeleteRuleProps extends Pick<RuleTableProps, "scope"> {
  rule: AlertRule;
  onClose: () => void;
}

function DeleteRule({ rule, scope, onClose }: DeleteRuleProps) {
  const remove = useDeleteRule();
  const add = useAddRule(scope);
  const toast = useToast();
  const undo = () => add.mutate({ ...ruleBody(draftOf(rule)), enabled: rule.enabled });
  const said = () =>
    toast({ text: `${rule.name} is deleted.`, action: { label: "Undo", run: undo } });
  return (
    <Confirm
      title={`Delete ${rule.name}?`}
      action="Delete the rule"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate({ id: rule.id }, { onSuccess: said, onSettled: onClose })}
      onClose={onClose}
    >
      <p>Its alerts stay. To keep the rule for later, switch it off instead.</p>
    </Confirm>
  );
}
