import { useState } from "react";
import { usePatchRun } from "@/api/actions";
import { PreemptibleField } from "@/queue/PreemptibleField";
import { TextField } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import type { RunDialogProps } from "./RunDialogs";

/** What may be changed of a run at any time: its config is frozen. */
export function EditDialog({ run, onClose }: RunDialogProps) {
  const patch = usePatchRun();
  const [name, setName] = useState(run.name);
  const [tags, setTags] = useState(run.tags.join(", "));
  const [preemptible, setPreemptible] = useState(run.preemptible);
  const save = () => {
    const list = tags.split(",").map((tag) => tag.trim());
    const changes = { name, tags: list.filter(Boolean), preemptible };
    patch.mutate({ id: run.id, ...changes }, { onSuccess: onClose });
  };
  return (
    <FormDialog
      title={`Edit run #${run.id}`}
      action="Save"
      busy={patch.isPending}
      disabled={!name.trim()}
      onAct={save}
      onClose={onClose}
    >
      <TextField label="Name" value={name} maxLength={120} autoFocus onChange={setName} />
      <TextField label="Tags" help="Separated by commas." value={tags} onChange={setTags} />
      <PreemptibleField value={preemptible} onChange={setPreemptible} />
    </FormDialog>
  );
}
