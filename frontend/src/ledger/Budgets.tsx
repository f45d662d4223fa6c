import { Link } from "wouter";
import { type RuleScope, useRules } from "@/alerts/queries";
import { actionWords, amount, ruleWords } from "@/alerts/ruleWords";
import type { AlertRule } from "@/api/queries";
import type { Facts } from "@/live/facts";
import { formatPercent } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { Progress } from "@/ui/Progress";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";

interface BudgetsProps {
  scope: RuleScope;
  facts: Facts | null;
  /** Where rules are made. */
  href: string;
}

/** Budgets with what of them is used, and what they do when it is all. */
export function Budgets({ scope, facts, href }: BudgetsProps) {
  const query = useRules(scope, facts);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={2} />;
  const kind = "run" in scope ? "budget" : "project_budget";
  const budgets = query.data.filter((rule) => rule.kind === kind);
  return (
    <section className={table.section}>
      <h3>Budgets</h3>
      {budgets.length === 0 ? (
        <p className={styles.words}>
          None. A budget warns, or saves a checkpoint and stops: <Link href={href}>add a rule</Link>
          .
        </p>
      ) : (
        <Table>
          <thead>
            <tr>
              <th>Budget</th>
              <th>Used</th>
              <th>State</th>
              <th>When it is used up</th>
            </tr>
          </thead>
          <tbody>
            {budgets.map((rule) => (
              <BudgetRow key={rule.id} rule={rule} href={href} />
            ))}
          </tbody>
        </Table>
      )}
    </section>
  );
}

function BudgetRow({ rule, href }: { rule: AlertRule; href: string }) {
  const used = amount(rule.used, rule.unit);
  const share = rule.limit ? (rule.used ?? 0) / rule.limit : null;
  return (
    <tr>
      <th scope="row" title={ruleWords(rule)}>
        <Link href={href}>{rule.name}</Link>
      </th>
      <td>
        <span className={styles.used}>
          <Progress value={rule.used ?? 0} max={rule.limit ?? 0} label={`${rule.name}: ${used}`} />
          {used} of {amount(rule.limit, rule.unit)} ({formatPercent(share, 0)})
        </span>
      </td>
      <td>{!rule.enabled ? "off" : rule.firing ? "exceeded" : "within"}</td>
      <td>{actionWords(rule)}</td>
    </tr>
  );
}
