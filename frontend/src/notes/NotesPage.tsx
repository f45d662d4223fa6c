import { Plus } from "lucide-react";
import { Link, useLocation } from "wouter";
import { usePageTitle } from "@/app/title";
import { useMyProjects } from "@/compare/useMyProjects";
import { Button } from "@/ui/Button";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import tableStyles from "@/ui/table.module.css";
import { useToast } from "@/ui/toast";
import styles from "./NotesPage.module.css";
import { type NoteRow, useDeleteNote, useNotes, useRestoreNote, useWriteNote } from "./queries";

/** The notes of a project, those changed last first. */
export default function NotesPage({ slug }: { slug: string }) {
  usePageTitle("Notes", slug, `/projects/${slug}`);
  const notes = useNotes(slug);
  const { slug: mine, mayChange } = useMyProjects(slug);
  const isMine = mine === slug && mayChange;
  const [, navigate] = useLocation();
  const write = useWriteNote(slug);
  const onNew = () =>
    write.mutate(
      { title: "Untitled note", body: "" },
      { onSuccess: ({ id }) => navigate(`/notes/${id}?edit=1`) },
    );
  const button = isMine && (
    <Button kind="primary" icon={<Plus size={14} />} busy={write.isPending} onClick={onNew}>
      New note
    </Button>
  );
  if (notes.isError) return <ErrorState error={notes.error} onRetry={() => void notes.refetch()} />;
  if (!notes.data) return <SkeletonLines lines={6} />;
  if (notes.data.length === 0) {
    return (
      <EmptyState title="No notes yet" action={button}>
        A note is a page of Markdown with live charts in it: what was tried, and what came of it.
      </EmptyState>
    );
  }
  return (
    <div className={styles.page}>
      <div className={styles.bar}>{button}</div>
      <Table panel>
        <thead>
          <tr>
            <th scope="col">Note</th>
            <th scope="col">Last edited by</th>
            <th scope="col">Changed</th>
            <th scope="col" className="number">
              Version
            </th>
            {isMine && <th />}
          </tr>
        </thead>
        <tbody>
          {notes.data.map((note) => (
            <Row key={note.id} note={note} mayChange={isMine} />
          ))}
        </tbody>
      </Table>
    </div>
  );
}

function Row({ note, mayChange }: { note: NoteRow; mayChange: boolean }) {
  const remove = useDeleteNote(note.project);
  const restore = useRestoreNote(note.project);
  const toast = useToast();
  const onDelete = () =>
    remove.mutate(note, {
      onSuccess: () =>
        toast({
          text: `“${note.title}” deleted`,
          action: { label: "Undo", run: () => restore.mutate(note) },
        }),
    });
  return (
    <tr>
      <th scope="row">
        <Link href={`/notes/${note.id}`}>{note.title}</Link>
      </th>
      <td>{note.updated_by ?? "–"}</td>
      <td>
        <RelativeTime at={note.updated_at} />
      </td>
      <td className="number">{note.version}</td>
      {mayChange && (
        <td>
          <span className={tableStyles.actions}>
            <Button small busy={remove.isPending} onClick={onDelete}>
              Delete
            </Button>
          </span>
        </td>
      )}
    </tr>
  );
}
