import { List, RotateCw } from "lucide-react";
import { useState } from "react";
import type { Stage } from "@/api/queries";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { ROLE_WORDS } from "./flow";
import { KIND_WORDS } from "./kinds";
import { PipelineGraph } from "./PipelineGraph";
import styles from "./PipelineSection.module.css";
import { isPipeline, useStages } from "./queries";
import { RepeatDialog } from "./RepeatDialog";
import { ResultsTable } from "./ResultsTable";

/** A run's pipeline as a picture, the stage that was chosen, and what was found. Plain runs: nothing. */
export function PipelineSection(props: TabProps) {
  const { run, facts, go, address } = props;
  const query = useStages(run, facts);
  const [chosen, setChosen] = useState<string | null>(null);
  if (!isPipeline(run)) return null;
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={1} height={132} />;
  const { stages, results } = query.data;
  const stage = stages.find(({ name }) => name === chosen);

  const choose = (next: Stage) => {
    const again = next.name === chosen;
    setChosen(again ? null : next.name);
    if (again) go({ zoom: null });
    else if (next.began_at !== null) go({ zoom: [next.first_step - 1, next.last_step] });
    else if (address.zoom) go({ zoom: null });
  };
  return (
    <section className={styles.pipeline} aria-label="Pipeline">
      <PipelineGraph stages={stages} step={facts.step} selected={chosen} onSelect={choose} />
      {stage && <StageDetails {...props} stage={stage} />}
      {results
        .filter(({ columns }) => columns.length > 0)
        .map((table) => (
          <ResultsTable key={table.stage} table={table} named={results.length > 1} />
        ))}
    </section>
  );
}

/** What the chosen stage begins with and leaves, and what can be done with it. */
function StageDetails({ run, go, stage }: TabProps & { stage: Stage }) {
  const [repeating, setRepeating] = useState(false);
  const { name, kind, first_step, last_step, inputs, outputs } = stage;
  const newest = first_step - 1 + stage.done;
  return (
    <div className={styles.details}>
      <div className={styles.words}>
        <h3>
          {name} <span className="muted">{KIND_WORDS[kind]}</span>
        </h3>
        <dl className={styles.facts}>
          <Fact label="Steps">
            {formatNumber(first_step, 0)} to {formatNumber(last_step, 0)}
          </Fact>
          <Fact label={kind === "evaluate" ? "Evaluates" : "Begins with"}>
            {inputs.map(inputWords).join(", ")}
          </Fact>
          {outputs.length > 0 && <Fact label="Left">{outputs.map(outputWords).join(", ")}</Fact>}
        </dl>
        {stage.waits_for.length > 0 && (
          <p className="muted">
            It can be repeated once {stage.waits_for.join(" and ")}{" "}
            {stage.waits_for.length > 1 ? "have" : "has"} finished.
          </p>
        )}
      </div>
      <div className={styles.actions}>
        <Button
          small
          icon={<List size={14} />}
          disabled={stage.done === 0}
          onClick={() => go({ tab: "rollouts", step: newest })}
        >
          Rollouts
        </Button>
        {run.permissions.change && (
          <Button
            small
            icon={<RotateCw size={14} />}
            disabled={stage.waits_for.length > 0}
            onClick={() => setRepeating(true)}
          >
            Repeat
          </Button>
        )}
      </div>
      {repeating && <RepeatDialog run={run} stage={stage} onClose={() => setRepeating(false)} />}
    </div>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function inputWords({ role, stage, path, rows }: Stage["inputs"][number]): string {
  if (role === "model") return stage ?? path;
  const whose = stage ? `of ${stage}` : path;
  return [ROLE_WORDS[role], whose, rowWords(rows)].filter(Boolean).join(" ");
}

function outputWords({ path, rows }: Stage["outputs"][number]): string {
  return [path, rowWords(rows)].filter(Boolean).join(" ");
}

function rowWords(rows: number | null): string {
  return rows === null ? "" : `(${formatNumber(rows, 0)} rows)`;
}
