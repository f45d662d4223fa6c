import { type ClipboardEvent, useEffect, useState } from "react";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Field, TextField } from "@/ui/Field";
import { useToast } from "@/ui/toast";
import { useDebounced } from "@/ui/useDebounced";
import { blockOfLink } from "./block";
import { Conflict } from "./Conflict";
import { type Draft, dropDraft, keepDraft, readDraft } from "./draft";
import { Markdown } from "./Markdown";
import styles from "./NoteEditor.module.css";
import { type Note, useSaveNote } from "./queries";

interface NoteEditorProps {
  note: Note;
  onClose: () => void;
}

/** The text at the left, what it becomes at the right. */
export function NoteEditor({ note, onClose }: NoteEditorProps) {
  const [draft, setDraft] = useState<Draft>(() => readDraft(note.id) ?? note);
  const save = useSaveNote(note.id);
  const toast = useToast();
  const preview = useDebounced(draft.body, 300);
  const isChanged = draft.title !== note.title || draft.body !== note.body;
  useEffect(() => {
    if (isChanged) keepDraft(note.id, draft);
  }, [note.id, draft, isChanged]);

  const onSave = (version: number) => {
    const { title, body } = draft;
    save.mutate(
      { title, body, version },
      {
        onSuccess: () => {
          dropDraft(note.id);
          onClose();
        },
        onError: (error) => {
          const problem = asProblem(error);
          if (problem.code !== "note_changed") toast({ kind: "error", text: problem.message });
        },
      },
    );
  };
  const onDiscard = () => {
    dropDraft(note.id);
    onClose();
    if (isChanged) {
      const undo = () => keepDraft(note.id, draft);
      toast({ text: "Changes thrown away", action: { label: "Keep them as a draft", run: undo } });
    }
  };
  const onPaste = (event: ClipboardEvent<HTMLTextAreaElement>) => {
    const block = blockOfLink(event.clipboardData.getData("text"), window.location.origin);
    if (!block) return;
    event.preventDefault();
    const { selectionStart, selectionEnd, value } = event.currentTarget;
    const before = value.slice(0, selectionStart);
    const gap = before === "" || before.endsWith("\n") ? "" : "\n\n";
    setDraft({ ...draft, body: `${before}${gap}${block}${value.slice(selectionEnd)}` });
  };
  const isConflict = save.isError && asProblem(save.error).code === "note_changed";
  return (
    <form
      className={styles.page}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(draft.version);
      }}
    >
      {isConflict && (
        <Conflict
          noteId={note.id}
          mine={draft}
          onKeepMine={onSave}
          onTakeTheirs={(theirs) => {
            setDraft({ title: theirs.title, body: theirs.body, version: theirs.version });
            save.reset();
            toast({
              text: "Their version is in the editor",
              action: { label: "Back to mine", run: () => setDraft(draft) },
            });
          }}
        />
      )}
      <div className={styles.bar}>
        <TextField
          label="Title"
          maxLength={120}
          value={draft.title}
          onChange={(title) => setDraft({ ...draft, title })}
        />
        <span className={styles.actions}>
          <Button onClick={onDiscard}>Cancel</Button>
          <Button kind="primary" type="submit" busy={save.isPending} disabled={!draft.title.trim()}>
            Save
          </Button>
        </span>
      </div>
      <div className={styles.columns}>
        <Field
          label="Text"
          help="Markdown. Paste a link to a comparison or a run, and its chart stands here, alive."
        >
          {(control) => (
            <textarea
              {...control}
              className={styles.text}
              spellCheck
              value={draft.body}
              onPaste={onPaste}
              onChange={(event) => setDraft({ ...draft, body: event.target.value })}
            />
          )}
        </Field>
        <section aria-label="Preview" className={styles.preview}>
          <Markdown text={preview} />
        </section>
      </div>
    </form>
  );
}
