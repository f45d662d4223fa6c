import { Button } from "@/ui/Button";
import { SkeletonLines } from "@/ui/Skeleton";
import type { Draft } from "./draft";
import styles from "./NoteEditor.module.css";
import { useNewest } from "./queries";

interface ConflictProps {
  noteId: number;
  mine: Draft;
  /** Saves over the version that is there now; that one stays in the history. */
  onKeepMine: (version: number) => void;
  onTakeTheirs: (theirs: Draft) => void;
}

/** Somebody else saved meanwhile: theirs is shown, and nothing goes without being asked. */
export function Conflict({ noteId, mine, onKeepMine, onTakeTheirs }: ConflictProps) {
  const query = useNewest(noteId, mine.version);
  const theirs = query.data;
  if (!theirs) return <SkeletonLines lines={4} />;
  const who = theirs.updated_by ?? "Somebody";
  return (
    <div role="alert" className={styles.conflict}>
      <p>
        <strong>
          {who} saved version {theirs.version} while you were writing.
        </strong>{" "}
        Yours is still in the editor. Take from theirs what you need, or save yours over it: theirs
        stays in the history.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard */}
      <pre className={styles.theirs} tabIndex={0}>
        {theirs.body}
      </pre>
      <span className={styles.actions}>
        <Button onClick={() => onTakeTheirs(theirs)}>Take theirs</Button>
        <Button kind="primary" onClick={() => onKeepMine(theirs.version)}>
          Save mine over it
        </Button>
      </span>
    </div>
  );
}
