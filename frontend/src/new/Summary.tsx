import type { Schemas } from "@/api/client";
import type { FieldProblem } from "@/api/problem";
import { ConfigListing } from "@/config/ConfigListing";
import type { Table as Config } from "@/config/nested";
import { KIND_WORDS } from "@/stages/kinds";
import { isPipeline } from "@/stages/queries";
import { formatNumber, plural } from "@/ui/format";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
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
          <Arithmetic config={config as Config} sums={arithmetic} />
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
        // A pipeline's is long, and what starts it comes below.
        <details className={styles.resolved} open={!isPipeline({ config: config as Config })}>
          <summary>Resolved config</summary>
          <ConfigListing
            config={config as Config}
            changed={new Set(Object.keys(overrides ?? {}))}
          />
        </details>
      )}
    </>
  );
}

interface ArithmeticProps {
  config: Config;
  sums: NonNullable<Validation["arithmetic"]>;
}

/** prompts × group size = completions, and over which processes they are split. */
function Arithmetic({ config, sums }: ArithmeticProps) {
  const { grpo, hardware } = config as Record<string, Record<string, number>>;
  const processes = hardware?.processes ?? 1;
  const n = (value: number | undefined) => formatNumber(value, 0);
  return (
    <>
      {isPipeline({ config }) ? (
        <StageSums stages={sums.stages} />
      ) : (
        <p className={styles.product}>
          {n(grpo?.prompts_per_step)} <small>prompts</small> × {n(grpo?.group_size)}{" "}
          <small>a group</small> = <strong>{n(sums.completions_per_step)}</strong>{" "}
          <small>completions a step</small>
        </p>
      )}
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

/** What each stage of a pipeline comes to. */
function StageSums({ stages }: { stages: NonNullable<Validation["arithmetic"]>["stages"] }) {
  return (
    <div className={styles.stages}>
      <Table>
        <thead>
          <tr>
            <th>Stage</th>
            <th className="number">Steps</th>
            <th className="number" title="Completions a step">
              Completions
            </th>
          </tr>
        </thead>
        <tbody>
          {stages.map((stage) => (
            <tr key={stage.name}>
              <th scope="row" title={KIND_WORDS[stage.kind]}>
                {stage.name}
              </th>
              <td className="number">{formatNumber(stage.steps, 0)}</td>
              <td className="number">{formatNumber(stage.completions_per_step || null, 0)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
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
