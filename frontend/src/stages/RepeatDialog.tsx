import { useState } from "react";
import { useLocation } from "wouter";
import type { RunDetail, Stage } from "@/api/queries";
import { TextField } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { Segmented } from "@/ui/Segmented";
import { pipelineOf, useRepeatStage } from "./queries";

interface RepeatDialogProps {
  run: RunDetail;
  stage: Stage;
  onClose: () => void;
}

const REACHES = [
  { value: "alone", label: "This stage alone" },
  { value: "to_end", label: "To the end" },
] as const;

/** Starts a new run with a stage of this one. */
export function RepeatDialog({ run, stage, onClose }: RepeatDialogProps) {
  const [name, setName] = useState(`${run.name} · ${stage.name}`.slice(0, 120));
  const [reach, setReach] = useState<(typeof REACHES)[number]["value"]>("alone");
  const repeat = useRepeatStage();
  const [, navigate] = useLocation();
  const pipeline = pipelineOf(run);
  const isLast = pipeline.at(-1) === stage.name;
  const after = pipeline.slice(pipeline.indexOf(stage.name) + 1);
  const submit = () => {
    const body = { name, to_end: reach === "to_end", config: {} };
    repeat.mutate(
      { id: run.id, stage: stage.name, body },
      { onSuccess: (made) => navigate(`/runs/${made.id}`) },
    );
  };
  return (
    <FormDialog
      title={`Repeat ${stage.name}?`}
      action="Start the run"
      busy={repeat.isPending}
      disabled={!name.trim()}
      onAct={submit}
      onClose={onClose}
    >
      <p>A new run begins with what the stages before it have left in this one.</p>
      {!isLast && (
        <div>
          <Segmented label="Which stages" value={reach} options={REACHES} onChange={setReach} />
        </div>
      )}
      {reach === "to_end" && <p className="muted">Followed by {after.join(", ")}.</p>}
      <TextField label="Name" data-first maxLength={120} value={name} onChange={setName} />
    </FormDialog>
  );
}
