import { CircleAlert, CircleDashed, CircleHelp, CirclePause, Play } from "lucide-react";
import type { ReactNode } from "react";
import { useContinueRun } from "@/api/actions";
import type { RunDetail } from "@/api/queries";
import type { Facts } from "@/live/facts";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { classes } from "@/ui/classes";
import type { Address } from "./address";
import { hasEnded, useLastLines } from "./queries";
import styles from "./StateNotice.module.css";

interface StateNoticeProps {
  run: RunDetail;
  facts: Facts;
  go: (change: Partial<Address>) => void;
}

/** Why a run waits, here or in its site’s own queue, is lost, or failed, and what can be done. */
export function StateNotice({ run, facts, go }: StateNoticeProps) {
  if (run.paused && !hasEnded(facts.state)) return <Paused run={run} />;
  switch (facts.state) {
    case "queued":
      return (
        <Notice kind="queued" icon={<CircleDashed size={16} />}>
          {run.queue_reason || "Waiting for its turn."}
        </Notice>
      );
    case "starting":
      return facts.reason ? (
        <Notice kind="queued" icon={<CircleDashed size={16} />}>
          {facts.reason}
        </Notice>
      ) : null;
    case "lost":
      return (
        <Notice kind="lost" icon={<CircleHelp size={16} />}>
          {facts.reason || "Its node has not been heard of."} Training may go on there; when the
          node is heard again, everything is filled in.
        </Notice>
      );
    case "failed":
      return <Failure run={run} reason={facts.reason} go={go} />;
    default:
      return null;
  }
}

/** It waits until somebody lets it go on. */
function Paused({ run }: { run: RunDetail }) {
  const proceed = useContinueRun();
  return (
    <Notice kind="queued" icon={<CirclePause size={16} />}>
      <p>{run.queue_reason || run.paused}</p>
      {run.permissions.change && (
        <div className={styles.ways}>
          <Button
            small
            icon={<Play size={14} />}
            busy={proceed.isPending}
            onClick={() => proceed.mutate({ id: run.id })}
          >
            Continue
          </Button>
        </div>
      )}
    </Notice>
  );
}

interface NoticeProps {
  kind: "queued" | "lost" | "failed";
  icon: ReactNode;
  children: ReactNode;
}

function Notice({ kind, icon, children }: NoticeProps) {
  return (
    <div role="status" className={classes(styles.notice, styles[kind])}>
      {icon}
      <div className={styles.text}>{children}</div>
    </div>
  );
}

/** The reason, the last lines of the log, and the ways on. */
function Failure({
  run,
  reason,
  go,
}: { run: RunDetail; reason: string } & Pick<StateNoticeProps, "go">) {
  const lines = useLastLines(run.id, true);
  const tail = lines.data?.text.trimEnd().split("\n").slice(-8).join("\n");
  return (
    <Notice kind="failed" icon={<CircleAlert size={16} />}>
      <p className={styles.reason}>{reason || "It ended without saying why."}</p>
      {tail && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key
        <pre className={styles.tail} tabIndex={0} role="log" aria-label="Last lines of the log">
          {tail}
        </pre>
      )}
      <div className={styles.ways}>
        <Button small onClick={() => go({ tab: "logs" })}>
          Whole log
        </Button>
        {run.permissions.fork && (
          <Button small onClick={() => go({ tab: "checkpoints" })}>
            Resume from a checkpoint
          </Button>
        )}
        <ButtonLink small href={`/new?from=${run.id}`}>
          Start again with other settings
        </ButtonLink>
      </div>
    </Notice>
  );
}
