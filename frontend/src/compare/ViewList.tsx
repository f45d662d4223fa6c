import { useState } from "react";
import { Link } from "wouter";
import { Button } from "@/ui/Button";
import { TextInput } from "@/ui/Field";
import { ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import tableStyles from "@/ui/table.module.css";
import { useToast } from "@/ui/toast";
import { type SavedView, useDeleteView, useEditView, useRestoreView, useViews } from "./views";

interface ViewListProps {
  slug: string;
  mayChange: boolean;
  onOpen?: () => void;
}

/** Views by name: who made them, and since when they are so. */
export function ViewList({ slug, mayChange, onOpen }: ViewListProps) {
  const views = useViews(slug);
  if (views.isError) return <ErrorState error={views.error} onRetry={() => void views.refetch()} />;
  if (!views.data) return <SkeletonLines lines={3} />;
  if (views.data.length === 0) {
    return <p className="muted">No view is saved here yet: compare runs, and save what you see.</p>;
  }
  return (
    <Table>
      <thead>
        <tr>
          <th scope="col">View</th>
          <th scope="col">Made by</th>
          <th scope="col">Changed</th>
          {mayChange && <th />}
        </tr>
      </thead>
      <tbody>
        {views.data.map((view) => (
          <ViewRow key={view.id} slug={slug} view={view} mayChange={mayChange} onOpen={onOpen} />
        ))}
      </tbody>
    </Table>
  );
}

function ViewRow({ slug, view, mayChange, onOpen }: ViewListProps & { view: SavedView }) {
  const [name, setName] = useState<string | null>(null);
  const edit = useEditView(slug);
  const remove = useDeleteView(slug);
  const restore = useRestoreView(slug);
  const toast = useToast();
  const rename = () =>
    edit.mutate({ id: view.id, name: name ?? "" }, { onSuccess: () => setName(null) });
  const onDelete = () =>
    remove.mutate(view, {
      onSuccess: () =>
        toast({
          text: `“${view.name}” deleted`,
          action: { label: "Undo", run: () => restore.mutate(view) },
        }),
    });
  return (
    <tr>
      <th scope="row">
        {name === null ? (
          <Link href={`/compare?${view.query}`} onClick={onOpen}>
            {view.name}
          </Link>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              rename();
            }}
          >
            <TextInput
              aria-label="Name of the view"
              autoFocus
              maxLength={120}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          </form>
        )}
      </th>
      <td>{view.created_by ?? "–"}</td>
      <td>
        <RelativeTime at={view.updated_at} />
      </td>
      {mayChange && (
        <td>
          <span className={tableStyles.actions}>
            {name === null ? (
              <>
                <Button small onClick={() => setName(view.name)}>
                  Rename
                </Button>
                <Button small busy={remove.isPending} onClick={onDelete}>
                  Delete
                </Button>
              </>
            ) : (
              <>
                <Button small onClick={() => setName(null)}>
                  Cancel
                </Button>
                <Button small kind="primary" busy={edit.isPending} onClick={rename}>
                  Save
                </Button>
              </>
            )}
          </span>
        </td>
      )}
    </tr>
  );
}
