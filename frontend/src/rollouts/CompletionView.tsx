import { ArrowLeft, ChevronDown, ChevronUp, Link2 } from "lucide-react";
import { Button, IconButton } from "@/ui/Button";
import { useToast } from "@/ui/toast";
import { CompletionFacts } from "./CompletionFacts";
import styles from "./CompletionView.module.css";
import { LongText } from "./LongText";
import { MathText } from "./MathText";
import type { Completion, GroupDetail } from "./queries";
import { useKeys } from "./useKeys";

interface CompletionViewProps {
  detail: GroupDetail;
  /** In the order in which one reads them. */
  completions: readonly Completion[];
  /** Place among them of the one that is read. */
  place: number;
  onMove: (place: number) => void;
  upLabel: string;
  onUp: () => void;
}

/** One completion, whole, over the width of the page. */
export function CompletionView(props: CompletionViewProps) {
  const { detail, completions, place, onMove, upLabel, onUp } = props;
  const completion = completions[place] as Completion;
  const copyLink = useCopyLink(completion.id);
  useKeys("Completion", [
    { keys: "j", label: "Next completion", run: () => onMove(place + 1) },
    { keys: "k", label: "Completion before", run: () => onMove(place - 1) },
    { keys: "c", label: "Copy its link", run: copyLink },
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
        <Button small icon={<Link2 size={14} />} onClick={copyLink}>
          Copy link
        </Button>
      </header>
      <Question detail={detail} index={completion.index} />
      <LongText key={completion.id} text={completion.text} label="What the model wrote" />
    </section>
  );
}

function Question({ detail, index }: { detail: GroupDetail; index: number }) {
  const { group, clusters } = detail;
  const cluster = clusters.find(({ indexes }) => indexes.includes(index));
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
          <MathText text={cluster?.answer ?? "nothing"} />
        </code>
      </dd>
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
