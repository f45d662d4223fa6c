import { useState } from "react";
import { Button } from "@/ui/Button";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { useToast } from "@/ui/toast";
import { useNoteAction, useNotes } from "./marks";
import styles from "./Notes.module.css";
import type { Completion, CompletionNote } from "./queries";

/** What people have to say about a completion; all who see the run see it. */
export function Notes({ completion }: { completion: Completion }) {
  const { id } = completion;
  const notes = useNotes(id, true).data;
  const act = useNoteAction(id, completion.notes);
  const toast = useToast();
  const change = (note: CompletionNote, body: string | null) => {
    const undo = () => act.mutate({ note: null, body: note.body });
    const said = () =>
      toast({ text: "The note is deleted.", action: { label: "Undo", run: undo } });
    act.mutate({ note: note.id, body }, { onSuccess: body === null ? said : undefined });
  };
  return (
    <section aria-label="Notes" className={styles.notes}>
      {!notes && <SkeletonLines lines={1} height={32} />}
      <ul className={styles.list}>
        {notes?.map((note) => (
          <NoteLine key={note.id} note={note} onAct={(body) => change(note, body)} />
        ))}
      </ul>
      <NoteForm
        label="Write a note"
        first=""
        busy={act.isPending}
        onSave={(body) => act.mutate({ note: null, body })}
      />
    </section>
  );
}

interface NoteLineProps {
  note: CompletionNote;
  /** With the new text; null deletes it. */
  onAct: (body: string | null) => void;
}

function NoteLine({ note, onAct }: NoteLineProps) {
  const [editing, setEditing] = useState(false);
  if (editing)
    return (
      <li>
        <NoteForm
          label="Change the note"
          first={note.body}
          busy={false}
          onSave={(body) => {
            setEditing(false);
            onAct(body);
          }}
        />
      </li>
    );
  return (
    <li className={styles.note}>
      <p className={styles.by}>
        {note.author ?? "somebody who left"} · <RelativeTime at={note.created_at} />
        {note.edited_at && " · changed"}
        {note.mine && (
          <>
            <Button small kind="quiet" onClick={() => setEditing(true)}>
              Edit
            </Button>
            <Button small kind="quiet" onClick={() => onAct(null)}>
              Delete
            </Button>
          </>
        )}
      </p>
      <p dir="auto" className={styles.body}>
        {note.body}
      </p>
    </li>
  );
}

interface NoteFormProps {
  label: string;
  first: string;
  busy: boolean;
  onSave: (body: string) => void;
}

function NoteForm({ label, first, busy, onSave }: NoteFormProps) {
  const [body, setBody] = useState(first);
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(body.trim());
        setBody("");
      }}
    >
      <textarea
        aria-label={label}
        placeholder={label}
        rows={2}
        maxLength={10_000}
        value={body}
        onChange={({ target }) => setBody(target.value)}
      />
      <Button small type="submit" busy={busy} disabled={!body.trim()}>
        Save
      </Button>
    </form>
  );
}
