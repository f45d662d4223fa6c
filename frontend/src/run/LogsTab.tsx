import { ArrowDownToLine, Download } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "@/ui/Button";
import { formatBytes } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./LogsTab.module.css";
import { appended, EMPTY_LOG, type LogText } from "./logTail";
import { fetchLog, hasEnded } from "./queries";
import type { TabProps } from "./RunPage";

const POLL_MS = 1_000;
const TAIL_BYTES = 256_000;
const PIECE_BYTES = 1_000_000;

/** trainer.log: its end, growing while the run does. */
export function LogsTab({ run, facts }: TabProps) {
  const ended = hasEnded(facts.state);
  const { log, error, retry } = useLog(run.id, !ended);
  const [follow, setFollow] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  const text = log?.text;
  // biome-ignore lint/correctness/useExhaustiveDependencies: scrolls when the text grew
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text, follow]);

  if (error && !log) return <ErrorState error={error} onRetry={retry} />;
  if (!log) return <SkeletonLines lines={12} height={18} />;
  if (log.size === 0)
    return (
      <EmptyState title="No log yet">
        {ended
          ? "The run ended before its trainer wrote one."
          : "It begins when the trainer starts."}
      </EmptyState>
    );
  return (
    <div className={styles.tab}>
      <div className={styles.bar}>
        <span className="muted">
          trainer.log, {formatBytes(log.size)}
          {log.cut && "; only its end is shown"}
        </span>
        <Button
          small
          aria-pressed={follow}
          icon={<ArrowDownToLine size={14} />}
          onClick={() => setFollow(!follow)}
        >
          {follow ? "Following" : "Follow"}
        </Button>
        <Button small icon={<Download size={14} />} onClick={() => void download(run.id)}>
          Download
        </Button>
      </div>
      <pre
        ref={box}
        className={styles.log}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key
        tabIndex={0}
        role="log"
        aria-label="Log"
        onScroll={(event) => setFollow(isAtEnd(event.currentTarget))}
      >
        {log.text}
      </pre>
    </div>
  );
}

function isAtEnd(box: HTMLElement): boolean {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 24;
}

function useLog(runId: number, growing: boolean) {
  const [log, setLog] = useState<LogText | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const next = log?.next ?? null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` asks once more
  useEffect(() => {
    let gone = false;
    const read = async () => {
      try {
        const piece = await fetchLog(runId, next, TAIL_BYTES);
        if (gone) return;
        setError(null);
        setLog((before) => appended(before ?? EMPTY_LOG, piece));
      } catch (failure) {
        if (!gone) setError(failure);
      }
    };
    const reading = read();
    const timer = setTimeout(
      () => void reading.then(() => !gone && growing && setRound((count) => count + 1)),
      POLL_MS,
    );
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [runId, growing, round]);
  return { log, error, retry: () => setRound((count) => count + 1) };
}

/** Reads the whole file in pieces and hands it to the browser as one. */
async function download(runId: number): Promise<void> {
  const pieces: string[] = [];
  for (let offset = 0, size = 1; offset < size; ) {
    const piece = await fetchLog(runId, offset, PIECE_BYTES);
    pieces.push(piece.text);
    size = piece.next_offset > offset ? piece.size : 0;
    offset = piece.next_offset;
  }
  const url = URL.createObjectURL(new Blob(pieces, { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `run-${runId}-trainer.log`;
  link.click();
  URL.revokeObjectURL(url);
}
