import { useState } from "react";
import { messageAt } from "@/api/problem";
import type { Target } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { SelectField, TextField } from "@/ui/Field";
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
  const problemAt = (path: string) => messageAt(error, path);
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
      <TextField
        label="Name"
        problem={problemAt("name")}
        data-first
        value={draft.name}
        onChange={(name) => set({ name })}
      />
      {!target && (
        <SelectField
          label="Kind"
          problem={problemAt("kind")}
          value={draft.kind}
          options={TARGET_KINDS}
          onChange={(kind) => set({ kind })}
        />
      )}
      <TextField
        label={ADDRESSES[draft.kind].label}
        help={draft.kind === "email" ? undefined : stays}
        problem={problemAt("address")}
        autoComplete="off"
        placeholder={target?.address ?? ADDRESSES[draft.kind].example}
        value={draft.address}
        onChange={(address) => set({ address })}
      />
      {draft.kind === "webhook" && (
        <TextField
          label="Secret"
          help={stays ?? "At least 16 characters; it signs what is sent, and is never shown."}
          problem={problemAt("secret")}
          type="password"
          autoComplete="new-password"
          value={draft.secret}
          onChange={(secret) => set({ secret })}
        />
      )}
    </Dialog>
  );
}
