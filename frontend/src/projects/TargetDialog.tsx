import { useState } from "react";
import { asProblem } from "@/api/problem";
import type { Target } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { Field, Select, TextInput } from "@/ui/Field";
import styles from "./ProjectPage.module.css";
import { useAddTarget, useEditTarget } from "./queries";

type Kind = Target["kind"];

export const TARGET_KINDS: readonly { value: Kind; label: string }[] = [
  { value: "webhook", label: "Webhook, signed" },
  { value: "slack", label: "Slack, Mattermost and the like" },
  { value: "email", label: "E-mail" },
];

const ADDRESSES: Record<Kind, { label: string; example: string }> = {
  webhook: { label: "URL", example: "https://pager.example.org/r1web" },
  slack: { label: "URL of the incoming webhook", example: "https://hooks.slack.com/services/…" },
  email: { label: "Address", example: "team@example.org" },
};

interface TargetDialogProps {
  slug: string;
  /** null makes a new one. */
  target: Target | null;
  onClose: () => void;
}

/** Makes a target, or changes one: what it does not show, and is left empty, stays as it is. */
export function TargetDialog({ slug, target, onClose }: TargetDialogProps) {
  const [draft, setDraft] = useState({
    name: target?.name ?? "",
    kind: target?.kind ?? ("webhook" as Kind),
    address: target?.kind === "email" ? target.address : "",
    secret: "",
  });
  const add = useAddTarget(slug);
  const edit = useEditTarget(slug);
  const error = add.error ?? edit.error;
  const problemAt = (path: string) =>
    error ? asProblem(error).errors.find((each) => each.path === path)?.message : undefined;
  const set = (change: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...change }));
  const save = () => {
    const { kind, name, address } = draft;
    const secret = kind === "webhook" && draft.secret ? { secret: draft.secret } : {};
    if (target) {
      const where = address ? { address } : {};
      edit.mutate({ id: target.id, name, ...where, ...secret }, { onSuccess: onClose });
    } else add.mutate({ name, kind, address, ...secret }, { onSuccess: onClose });
  };
  const stays = target ? "Left empty, it stays as it is." : undefined;
  return (
    <Dialog
      title={target ? `Change ${target.name}` : "New target"}
      onClose={onClose}
      actions={
        <DialogActions
          action={target ? "Save" : "Add the target"}
          busy={add.isPending || edit.isPending}
          onAct={save}
          onClose={onClose}
        />
      }
    >
      <div className={styles.fields}>
        <Field label="Name" problem={problemAt("name")}>
          {(control) => (
            <TextInput
              {...control}
              data-first
              value={draft.name}
              onChange={(event) => set({ name: event.target.value })}
            />
          )}
        </Field>
        {!target && (
          <Field label="Kind" problem={problemAt("kind")}>
            {(control) => (
              <Select
                {...control}
                value={draft.kind}
                options={TARGET_KINDS}
                onChange={(kind) => set({ kind })}
              />
            )}
          </Field>
        )}
        <Field
          label={ADDRESSES[draft.kind].label}
          help={draft.kind === "email" ? undefined : stays}
          problem={problemAt("address")}
        >
          {(control) => (
            <TextInput
              {...control}
              autoComplete="off"
              placeholder={target?.address ?? ADDRESSES[draft.kind].example}
              value={draft.address}
              onChange={(event) => set({ address: event.target.value })}
            />
          )}
        </Field>
        {draft.kind === "webhook" && (
          <Field
            label="Secret"
            help={stays ?? "At least 16 characters; it signs what is sent, and is never shown."}
            problem={problemAt("secret")}
          >
            {(control) => (
              <TextInput
                {...control}
                type="password"
                autoComplete="new-password"
                value={draft.secret}
                onChange={(event) => set({ secret: event.target.value })}
              />
            )}
          </Field>
        )}
      </div>
    </Dialog>
  );
}
