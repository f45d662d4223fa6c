/** What asks before it changes a run. */

import { useState } from "react";
import { Link, useLocation } from "wouter";
import { useDeleteRun, usePauseRun, useRestoreRun, useResumeRun, useStopRun } from "@/api/actions";
import type { Checkpoint, RunDetail } from "@/api/queries";
import { Confirm } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { useToast } from "@/ui/toast";
import styles from "./RunDialogs.module.css";

export interface RunDialogProps {
  run: RunDetail;
  onClose: () => void;
}

export function StopDialog({ run, onClose }: RunDialogProps) {
  const stop = useStopRun();
  return (
    <Confirm
      title={`Stop ${run.name}?`}
      action="Stop the run"
      busy={stop.isPending}
      onConfirm={() => stop.mutate({ id: run.id }, { onSettled: onClose })}
      onClose={onClose}
    >
      <p>It writes a checkpoint first, and can be resumed from there.</p>
    </Confirm>
  );
}

interface ResumeDialogProps extends RunDialogProps {
  /** null takes the newest. */
  checkpoint: Checkpoint | null;
}

export function ResumeDialog({ run, checkpoint, onClose }: ResumeDialogProps) {
  const resume = useResumeRun();
  const body = { id: run.id, checkpoint: checkpoint?.id ?? null };
  return (
    <Confirm
      title={`Resume ${run.name}?`}
      action="Resume the run"
      busy={resume.isPending}
      onConfirm={() => resume.mutate(body, { onSettled: onClose })}
      onClose={onClose}
    >
      <p>{resumeText(run, checkpoint)}</p>
    </Confirm>
  );
}

function resumeText(run: RunDetail, checkpoint: Checkpoint | null): string {
  const kept = "Points after that step stay, drawn faintly.";
  if (checkpoint) return `It goes on from the checkpoint of step ${checkpoint.step}. ${kept}`;
  // A run can be forked when it has a checkpoint
  if (run.permissions.fork) return `It goes on from its newest checkpoint. ${kept}`;
  return "It has no checkpoint yet and begins again at step 1.";
}

/** Asks for the run's name, so that it is not another; for some days it can be restored. */
export function DeleteDialog({ run, onClose }: RunDialogProps) {
  const [name, setName] = useState("");
  const remove = useDeleteRun();
  const restore = useRestoreRun();
  const toast = useToast();
  const [, navigate] = useLocation();
  const matches = name.trim() === run.name;
  const undo = () => {
    const failed = () => undefined; // it was said in a toast
    void restore.mutateAsync({ id: run.id }).then(() => navigate(`/runs/${run.id}`), failed);
  };
  const done = () => {
    onClose();
    navigate("/");
    toast({ text: `${run.name} · #${run.id} is deleted.`, action: { label: "Undo", run: undo } });
  };
  const submit = () => remove.mutate({ id: run.id, name }, { onSuccess: done });
  return (
    <FormDialog
      title={`Delete run #${run.id}?`}
      action="Delete the run"
      danger
      busy={remove.isPending}
      disabled={!matches}
      onAct={submit}
      onClose={onClose}
    >
      <p>
        Its curves, rollouts, log and checkpoints leave every list. For some days it can be brought
        back from <Link href="/deleted">Recently deleted</Link>; then its data is removed.
      </p>
      <TextField
        label={
          <>
            Type <strong className={styles.name}>{run.name}</strong> to delete it
          </>
        }
        data-first
        autoComplete="off"
        spellCheck={false}
        value={name}
        onChange={setName}
      />
    </FormDialog>
  );
}

export function PauseDialog({ run, onClose }: RunDialogProps) {
  const pause = usePauseRun();
  return (
    <Confirm
      title={`Pause ${run.name}?`}
      action="Pause the run"
      busy={pause.isPending}
      onConfirm={() => pause.mutate({ id: run.id }, { onSettled: onClose })}
      onClose={onClose}
    >
      <p>
        {run.state === "queued"
          ? "It keeps its place in the queue, and starts once somebody continues it."
          : "It writes a checkpoint, gives its devices back, and goes on from there once somebody continues it."}
      </p>
    </Confirm>
  );
}
