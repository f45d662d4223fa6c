import { Pencil, Plus, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Target } from "@/api/queries";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Confirm } from "@/ui/Dialog";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { Deliveries } from "./Deliveries";
import styles from "./ProjectPage.module.css";
import { useDeleteTarget, useEditTarget, useTargets, useTestTarget } from "./queries";
import { TARGET_KINDS, TargetDialog } from "./TargetDialog";

interface TargetsProps {
  slug: string;
  mayChange: boolean;
}

/** Where the project's alerts are sent, and how that went. */
export function TargetsTab(props: TargetsProps) {
  return (
    <>
      <Targets {...props} />
      <Deliveries slug={props.slug} />
    </>
  );
}

function Targets({ slug, mayChange }: TargetsProps) {
  const query = useTargets(slug);
  const [editing, setEditing] = useState<Target | "new" | null>(null);
  const [deleting, setDeleting] = useState<Target | null>(null);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={3} />;
  return (
    <section className={table.section}>
      <div className={styles.head}>
        <h3>Targets</h3>
        {mayChange && (
          <Button small icon={<Plus size={14} />} onClick={() => setEditing("new")}>
            Add a target
          </Button>
        )}
      </div>
      {query.data.length === 0 ? (
        <EmptyState title="Alerts are sent nowhere">
          They stand on the pages only. A target gets every alert of the project: by e-mail, webhook
          or Slack.
        </EmptyState>
      ) : (
        <Table>
          <thead>
            <tr>
              <th>On</th>
              <th>Target</th>
              <th>Kind</th>
              <th>Address</th>
              <th>
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {query.data.map((target) => (
              <TargetRow
                key={target.id}
                slug={slug}
                target={target}
                mayChange={mayChange}
                onEdit={() => setEditing(target)}
                onDelete={() => setDeleting(target)}
              />
            ))}
          </tbody>
        </Table>
      )}
      {editing && (
        <TargetDialog
          slug={slug}
          target={editing === "new" ? null : editing}
          onClose={() => setEditing(null)}
        />
      )}
      {deleting && <DeleteTarget slug={slug} target={deleting} onClose={() => setDeleting(null)} />}
    </section>
  );
}

interface TargetRowProps extends TargetsProps {
  target: Target;
  onEdit: () => void;
  onDelete: () => void;
}

function TargetRow({ slug, target, mayChange, onEdit, onDelete }: TargetRowProps) {
  const edit = useEditTarget(slug);
  const test = useTestTarget(slug);
  return (
    <tr className={classes(!target.enabled && styles.off)}>
      <td>
        <input
          type="checkbox"
          aria-label={`${target.name} is on`}
          checked={target.enabled}
          disabled={!mayChange || edit.isPending}
          onChange={(event) => edit.mutate({ id: target.id, enabled: event.target.checked })}
        />
      </td>
      <th scope="row">{target.name}</th>
      <td>{TARGET_KINDS.find(({ value }) => value === target.kind)?.label}</td>
      <td>{target.address}</td>
      <td>
        {mayChange && (
          <div className={table.actions}>
            <Button
              small
              icon={<Send size={14} />}
              busy={test.isPending}
              aria-label={`Test ${target.name}`}
              onClick={() => test.mutate({ id: target.id })}
            >
              Test
            </Button>
            <IconButton small label={`Change ${target.name}`} onClick={onEdit}>
              <Pencil size={14} />
            </IconButton>
            <IconButton small label={`Delete ${target.name}`} onClick={onDelete}>
              <Trash2 size={14} />
            </IconButton>
          </div>
        )}
      </td>
    </tr>
  );
}

interface DeleteTargetProps {
  slug: string;
  target: Target;
  onClose: () => void;
}

function DeleteTarget({ slug, target, onClose }: DeleteTargetProps) {
  const remove = useDeleteTarget(slug);
  return (
    <Confirm
      title={`Delete ${target.name}?`}
      action="Delete the target"
      danger
      busy={remove.isPending}
      onConfirm={() => remove.mutate({ id: target.id }, { onSettled: onClose })}
      onClose={onClose}
    >
      <p>
        Nothing is sent there any more; what was sent stays in the log. This cannot be undone, as
        its secret is not shown to anyone: to keep it for later, switch it off instead.
      </p>
    </Confirm>
  );
}
