import type { Schemas } from "@/api/client";
import type { FieldProblem } from "@/api/problem";
import { ConfigListing } from "@/config/ConfigListing";
import type { Table } from "@/config/nested";
import { formatNumber, plural } from "@/ui/format";
import { SkeletonLines } from "@/ui/Skeleton";
import { MemoryPanel } from "./MemoryPanel";
import styles from "./Summary.module.css";

type Validation = Schemas["Validation"];

interface SummaryProps {
  validation: Validation | undefined;
  /** Problems that no field of the form shows. */
  problems: readonly FieldProblem[];
}

/** What the config comes to, and what it is as it would run. */
export function Summary({ validation, problems }: SummaryProps) {
  if (!validation) return <SkeletonLines lines={8} height={20} />;
  const { config, arithmetic, overrides } = validation;
  const count = validation.problems.length;
  return (
    <>
      <h2>What it comes to</h2>
      {config && arithmetic ? (
        <>
          <Arithmetic config={config as Table} sums={arithmetic} />
          <MemoryPanel memory={validation.memory} note={validation.memory_note} />
        </>
      ) : (
        <p className={styles.refused} role="status">
          {plural(count, "problem")} to solve before this can start.
        </p>
      )}
      {problems.length > 0 && (
        <ul className={styles.problems}>
          {problems.map((problem) => (
            <li key={problem.path + problem.message}>{problem.message}</li>
          ))}
        </ul>
      )}
      {config && (
        <details className={styles.resolved} open>
          <summary>Resolved config</summary>
          <ConfigListing config={config as Table} changed={new Set(Object.keys(overrides ?? {}))} />
        </details>
      )}
    </>
  );
}

interface ArithmeticProps {
  config: Table;
  sums: NonNullable<Validation["arithmetic"]>;
}

/** prompts × group size = completions, and over which processes they are split. */
function Arithmetic({ config, sums }: ArithmeticProps) {
  const { grpo, hardware } = config as Record<string, Record<string, number>>;
  const processes = hardware?.processes ?? 1;
  const n = (value: number | undefined) => formatNumber(value, 0);
  return (
    <>
      <p className={styles.product}>
        {n(grpo?.prompts_per_step)} <small>prompts</small> × {n(grpo?.group_size)}{" "}
        <small>a group</small> = <strong>{n(sums.completions_per_step)}</strong>{" "}
        <small>completions a step</small>
      </p>
      <dl className={styles.sums}>
        <Sum label={`On ${plural(processes, "process", "processes")}`}>
          {n(sums.completions_per_process)} each
        </Sum>
        <Sum label="Tokens a step, at most">
          {n(sums.max_tokens_per_step)}
          <span className="muted"> ({n(sums.longest_completion)} each)</span>
        </Sum>
        <Sum label="Steps">{n(sums.steps)}</Sum>
        <Sum label="Completions in all">{n(sums.total_completions)}</Sum>
        <Sum label="Evaluations">{n(sums.evaluations)}</Sum>
        <Sum label="Checkpoints">{n(sums.checkpoints)}</Sum>
      </dl>
    </>
  );
}

function Sum({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
