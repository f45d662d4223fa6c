import { useState } from "react";
import { asProblem } from "@/api/problem";
import type { Checkpoint } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { Field, Select, TextInput } from "@/ui/Field";
import { type Dtype, useAskRelease } from "./queries";
import styles from "./Releases.module.css";

const DTYPES = [
  { value: "bf16", label: "bf16" },
  { value: "fp8", label: "FP8, DeepSeek's layout" },
] as const;

interface ReleaseDialogProps {
  checkpoint: Checkpoint;
  mayPush: boolean;
  onClose: () => void;
}

/** Asks in what dtype a checkpoint is released, and whether it goes to a hub. */
export function ReleaseDialog({ checkpoint, mayPush, onClose }: ReleaseDialogProps) {
  const [dtype, setDtype] = useState<Dtype>("bf16");
  const [repo, setRepo] = useState("");
  const ask = useAskRelease(checkpoint.run);
  const problem = ask.error
    ? asProblem(ask.error).errors.find((each) => each.path === "push")?.message
    : undefined;
  const submit = () =>
    ask.mutate(
      { checkpoint: checkpoint.id, dtype, push: repo.trim() || null },
      { onSuccess: onClose },
    );
  return (
    <Dialog
      title={`Release step ${checkpoint.step}`}
      onClose={onClose}
      actions={
        <DialogActions action="Release" busy={ask.isPending} onAct={submit} onClose={onClose} />
      }
    >
      <div className={styles.fields}>
        <p>
          A Hugging Face directory with a model card, opened in transformers before it counts as
          ready.
        </p>
        <Field label="Weights">
          {(control) => <Select {...control} value={dtype} options={DTYPES} onChange={setDtype} />}
        </Field>
        {mayPush && (
          <Field
            label="Push to a hub"
            help="Leave it empty to keep it here. A new repository is private; the token is the node's HF_TOKEN."
            problem={problem}
          >
            {(control) => (
              <TextInput
                {...control}
                autoComplete="off"
                spellCheck={false}
                placeholder="owner/name"
                value={repo}
                onChange={(event) => setRepo(event.target.value)}
              />
            )}
          </Field>
        )}
      </div>
    </Dialog>
  );
}
