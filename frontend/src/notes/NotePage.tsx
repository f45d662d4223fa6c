import { History, Pencil } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "wouter";
import { usePageTitle } from "@/app/title";
import { Button } from "@/ui/Button";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Markdown } from "./Markdown";
import { NoteEditor } from "./NoteEditor";
import { NoteHistory } from "./NoteHistory";
import styles from "./NotePage.module.css";
import { useNote } from "./queries";

/** One note: read, written, and what it said before. */
export default function NotePage({ noteId }: { noteId: number }) {
  const query = useNote(noteId);
  const [params, setParams] = useSearchParams();
  const [history, setHistory] = useState(false);
  const note = query.data;
  const slug = note?.project;
  usePageTitle(note?.title ?? "Note", slug && "Notes", slug && `/projects/${slug}/notes`);
  if (query.isError && !note) {
    return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!note) return <SkeletonLines lines={10} />;
  const edit = (on: boolean) => setParams(on ? { edit: "1" } : {});
  if (params.get("edit") === "1" && note.may_change) {
    return <NoteEditor note={note} onClose={() => edit(false)} />;
  }
  return (
    <article className={styles.page} aria-label={note.title}>
      <header className={styles.head}>
        <p className={styles.who}>
          Version {note.version}, edited by {note.updated_by ?? "somebody who left"}{" "}
          <RelativeTime at={note.updated_at} />
        </p>
        <Button small icon={<History size={14} />} onClick={() => setHistory(true)}>
          History
        </Button>
        {note.may_change && (
          <Button small kind="primary" icon={<Pencil size={14} />} onClick={() => edit(true)}>
            Edit
          </Button>
        )}
      </header>
      {note.body.trim() ? <Markdown text={note.body} /> : <EmptyState title="This note is empty" />}
      {history && (
        <NoteHistory note={note} onClose={() => setHistory(false)} onTake={() => edit(true)} />
      )}
    </article>
  );
}
