import { useResumeRun, useStopRun } from "@/api/actions";
import type { RunRow } from "@/api/queries";
import { Confirm } from "@/ui/Dialog";
import { plural } from "@/ui/format";
import styles from "./RunDialogs.module.css";

type Named = Pick<RunRow, "id" | "name" | "step">;

interface RunDialogProps {
  runs: readonly Named[];
  onClose: () => void;
}

/** Asks before one run, or several, are stopped. */
export function StopDialog({ runs, onClose }: RunDialogProps) {
  const stop = useStopRun();
  return (
    <Confirm
      title={runs.length === 1 ? "Stop this run?" : `Stop ${runs.length} runs?`}
      action={runs.length === 1 ? "Stop the run" : `Stop ${runs.length} runs`}
      danger
      busy={stop.isPending}
      onClose={onClose}
      onConfirm={() => forEach(runs, (id) => stop.mutateAsync({ id }), onClose)}
    >
      <RunNames runs={runs} />
      <p>It saves a checkpoint, then ends. It can be resumed from there.</p>
    </Confirm>
  );
}

/** Asks before one run, or several, go on. */
export function ResumeDialog({ runs, onClose }: RunDialogProps) {
  const resume = useResumeRun();
  return (
    <Confirm
      title={runs.length === 1 ? "Resume this run?" : `Resume ${runs.length} runs?`}
      action={runs.length === 1 ? "Resume the run" : `Resume ${runs.length} runs`}
      busy={resume.isPending}
      onClose={onClose}
      onConfirm={() => forEach(runs, (id) => resume.mutateAsync({ id }), onClose)}
    >
      <RunNames runs={runs} />
      <p>It goes on from its newest checkpoint, as soon as a device is free.</p>
    </Confirm>
  );
}

function RunNames({ runs }: { runs: readonly Named[] }) {
  return (
    <ul className={styles.names}>
      {runs.map((run) => (
        <li key={run.id}>
          <strong>{run.name}</strong> · #{run.id}
          <span className="muted"> after {plural(run.step, "step")}</span>
        </li>
      ))}
    </ul>
  );
}

/** All at once; the dialog closes when each has an answer, and a refusal shows as a toast. */
async function forEach(
  runs: readonly Named[],
  act: (id: number) => Promise<unknown>,
  done: () => void,
): Promise<void> {
  await Promise.allSettled(runs.map((run) => act(run.id)));
  done();
}
