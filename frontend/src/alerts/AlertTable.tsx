import { BellRing, Check, CircleCheck } from "lucide-react";
import { Link } from "wouter";
import type { Alert } from "@/api/queries";
import { toNumber } from "@/live/messages";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { RelativeTime } from "@/ui/RelativeTime";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./AlertsTab.module.css";
import { useAcknowledge } from "./queries";

interface AlertTableProps {
  alerts: readonly Alert[];
  mayChange: boolean;
  /** On a run's page: shows the step there. A project's page names the run of each instead. */
  onStep?: (step: number) => void;
}

/** Alerts, newest first, how sending each went, and who has seen it. */
export function AlertTable({ alerts, mayChange, onStep }: AlertTableProps) {
  return (
    <Table>
      <thead>
        <tr>
          <th>State</th>
          <th>When</th>
          {!onStep && <th>Run</th>}
          <th className="number">Step</th>
          <th>Rule</th>
          <th className="number">Value</th>
          <th>What</th>
          <th>Sent</th>
          <th>Acknowledged</th>
        </tr>
      </thead>
      <tbody>
        {alerts.map((alert) => (
          <AlertRow key={alert.id} {...{ alert, mayChange, onStep }} />
        ))}
      </tbody>
    </Table>
  );
}

type AlertRowProps = Omit<AlertTableProps, "alerts"> & { alert: Alert };

function AlertRow({ alert, mayChange, onStep }: AlertRowProps) {
  return (
    <tr>
      <td>
        <AlertState alert={alert} />
      </td>
      <td>
        <RelativeTime at={alert.at} />
      </td>
      {!onStep && <td>{alert.run === null ? "all of the project" : <RunLink alert={alert} />}</td>}
      <td className="number">
        {onStep ? (
          <Button kind="quiet" small onClick={() => onStep(alert.step)}>
            {formatNumber(alert.step, 0)}
          </Button>
        ) : (
          shownStep(alert)
        )}
      </td>
      <th scope="row">{alert.rule_name}</th>
      <td className="number">{shownValue(alert)}</td>
      <td className={table.prose}>{alert.message}</td>
      <td>
        <Sent alert={alert} />
      </td>
      <td>
        <Acknowledged alert={alert} mayChange={mayChange} />
      </td>
    </tr>
  );
}

function RunLink({ alert }: { alert: Alert }) {
  return (
    <Link href={`/runs/${alert.run}?tab=alerts`}>
      {alert.run_name} <span className="muted">#{alert.run}</span>
    </Link>
  );
}

function AlertState({ alert }: { alert: Alert }) {
  const open = alert.cleared_at === null;
  const Icon = open ? BellRing : CircleCheck;
  return (
    <span className={classes(styles.state, open && styles.open)}>
      <Icon size={14} aria-hidden />
      {open ? "firing" : "cleared"}
    </span>
  );
}

/** How sending it went, target by target; the reason of a failure on hover. */
function Sent({ alert }: { alert: Alert }) {
  if (alert.deliveries.length === 0) return "–";
  return (
    <ul className={styles.sent}>
      {alert.deliveries.map((one) => (
        <li key={one.id} title={one.error || undefined}>
          {one.target_name}: {one.status}
        </li>
      ))}
    </ul>
  );
}

function Acknowledged({ alert, mayChange }: Pick<AlertRowProps, "alert" | "mayChange">) {
  const acknowledge = useAcknowledge();
  if (alert.acknowledged_by) return `by ${alert.acknowledged_by}`;
  if (!mayChange) return "not yet";
  return (
    <Button
      small
      icon={<Check size={14} />}
      busy={acknowledge.isPending}
      onClick={() => acknowledge.mutate({ id: alert.id })}
    >
      Acknowledge
    </Button>
  );
}

function shownStep(alert: Alert): string {
  return alert.run === null ? "–" : formatNumber(alert.step, 0);
}

function shownValue(alert: Alert): string {
  if (alert.value === null) return "–";
  const value = toNumber(alert.value);
  return Number.isNaN(value) ? "NaN" : formatNumber(value, 4);
}
