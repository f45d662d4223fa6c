import { useState } from "react";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import { keepDraft } from "./draft";
import { Markdown } from "./Markdown";
import { type Note, useVersion, useVersions } from "./queries";

interface NoteHistoryProps {
  note: Note;
  onClose: () => void;
  /** An older text stands in the editor now. */
  onTake: () => void;
}

/** Who saved the note, when, and what it said then. */
export function NoteHistory({ note, onClose, onTake }: NoteHistoryProps) {
  const versions = useVersions(note.id, note.version);
  const [shown, setShown] = useState<number | null>(null);
  const version = useVersion(note.id, shown).data;
  return (
    <Dialog title="History" onClose={onClose} wide>
      {!versions.data && <SkeletonLines lines={4} />}
      <Table>
        <thead>
          <tr>
            <th scope="col" className="number">
              Version
            </th>
            <th scope="col">Saved by</th>
            <th scope="col">When</th>
            <th scope="col">Title</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {versions.data?.map((each) => (
            <tr key={each.version}>
              <td className="number">{each.version}</td>
              <td>{each.saved_by ?? "–"}</td>
              <td>
                <RelativeTime at={each.saved_at} />
              </td>
              <td>{each.title}</td>
              <td>
                <Button
                  small
                  aria-pressed={shown === each.version}
                  onClick={() => setShown(each.version)}
                >
                  Show
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {version && (
        <>
          {note.may_change && version.version !== note.version && (
            <Button
              onClick={() => {
                const { title, body } = version;
                keepDraft(note.id, { title, body, version: note.version });
                onTake();
              }}
            >
              Edit this version
            </Button>
          )}
          <Markdown text={version.body} />
        </>
      )}
    </Dialog>
  );
}
