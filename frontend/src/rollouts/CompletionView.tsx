import { ArrowLeft, ChevronDown, ChevronUp, Link2, MessageSquare, Star } from "lucide-react";
import { Fragment, useState } from "react";
import { useKeys } from "@/app/useKeys";
import { Button, IconButton } from "@/ui/Button";
import { plural } from "@/ui/format";
import { useToast } from "@/ui/toast";
import { CompletionFacts } from "./CompletionFacts";
import styles from "./CompletionView.module.css";
import { MathText } from "./MathText";
import { useStar } from "./marks";
import { Notes } from "./Notes";
import type { Completion, GroupDetail } from "./queries";
import { ReadText } from "./ReadText";
import { answerOf } from "./rolloutOrder";
import type { Tint } from "./tokens";

interface CompletionViewProps {
  detail: GroupDetail;
  /** In the order in which one reads them. */
  completions: readonly Completion[];
  /** Place among them of the one that is read. */
  place: number;
  onMove: (place: number) => void;
  upLabel: string;
  onUp: () => void;
  tint: Tint;
  onTint: (tint: Tint) => void;
}

/** One completion, whole, over the width of the page. */
export function CompletionView(props: CompletionViewProps) {
  const { detail, completions, place, onMove, upLabel, onUp, tint, onTint } = props;
  const completion = completions[place] as Completion;
  const { id, starred, notes } = completion;
  const copyLink = useCopyLink(id);
  const star = useStar();
  const toggleStar = () => star.mutate({ id, starred: !starred });
  const [notesOpen, setNotesOpen] = useState(false);
  useKeys("Completion", [
    { keys: "j", label: "Next completion", run: () => onMove(place + 1) },
    { keys: "k", label: "Completion before", run: () => onMove(place - 1) },
    { keys: "c", label: "Copy its link", run: copyLink },
    { keys: "s", label: "Star it, for yourself", run: toggleStar },
    { keys: "Escape u", label: "Back", run: onUp },
  ]);
  return (
    <section aria-label="Completion" className={styles.completion}>
      <header className={styles.header}>
        <Button small kind="quiet" icon={<ArrowLeft size={14} />} onClick={onUp}>
          {upLabel}
        </Button>
        <span className={styles.place}>
          #{completion.index} · {place + 1} of {completions.length}
        </span>
        <IconButton
          small
          label="Completion before"
          shortcut="k"
          disabled={place === 0}
          onClick={() => onMove(place - 1)}
        >
          <ChevronUp size={16} />
        </IconButton>
        <IconButton
          small
          label="Next completion"
          shortcut="j"
          disabled={place === completions.length - 1}
          onClick={() => onMove(place + 1)}
        >
          <ChevronDown size={16} />
        </IconButton>
        <CompletionFacts completion={completion} />
        <IconButton
          small
          label={starred ? "Take the star away" : "Star"}
          shortcut="s"
          aria-pressed={starred}
          className={styles.star}
          onClick={toggleStar}
        >
          <Star size={16} fill={starred ? "currentColor" : "none"} />
        </IconButton>
        <Button
          small
          kind="quiet"
          aria-expanded={notesOpen}
          icon={<MessageSquare size={14} />}
          onClick={() => setNotesOpen(!notesOpen)}
        >
          {notes > 0 ? plural(notes, "note") : "Notes"}
        </Button>
        <Button small icon={<Link2 size={14} />} onClick={copyLink}>
          Copy link
        </Button>
      </header>
      {notesOpen && <Notes key={id} completion={completion} />}
      <Question detail={detail} completion={completion} />
      <ReadText key={id} completion={completion} tint={tint} onTint={onTint} />
    </section>
  );
}

function Question({ detail, completion }: { detail: GroupDetail; completion: Completion }) {
  const { group } = detail;
  return (
    <dl className={styles.question}>
      <dt>Question</dt>
      <dd dir="auto">
        <MathText text={group.question} />
      </dd>
      <dt>Expected</dt>
      <dd dir="auto">
        <code>{group.answer}</code>
      </dd>
      <dt>Answered</dt>
      <dd dir="auto">
        <code>
          <MathText text={answerOf(detail, completion) ?? "nothing"} />
        </code>
      </dd>
      {Object.entries(completion.reasons).map(([name, reason]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{reason}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

/** Puts the completion's address for ever on the clipboard. */
function useCopyLink(id: string): () => void {
  const toast = useToast();
  return async () => {
    await navigator.clipboard.writeText(`${window.location.origin}/completions/${id}`);
    toast({ text: "Link copied" });
  };
}
