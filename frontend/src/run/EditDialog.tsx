import { useState } from "react";
import { usePatchRun } from "@/api/actions";
import { PreemptibleField } from "@/queue/PreemptibleField";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { TextField } from "@/ui/Field";
import type { RunDialogProps } from "./RunDialogs";
import styles from "./RunDialogs.module.css";

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
    <Dialog
      title={`Edit run #${run.id}`}
      onClose={onClose}
      actions={
        <DialogActions
          action="Save"
          busy={patch.isPending}
          disabled={!name.trim()}
          onAct={save}
          onClose={onClose}
        />
      }
    >
      <form
        className={styles.fields}
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextField label="Name" value={name} maxLength={120} autoFocus onChange={setName} />
        <TextField label="Tags" help="Separated by commas." value={tags} onChange={setTags} />
        <PreemptibleField value={preemptible} onChange={setPreemptible} />
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}
