import { GitFork, MoreHorizontal, Play, Square } from "lucide-react";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { type RunDetail, useRun } from "@/api/queries";
import { useKeys } from "@/app/useKeys";
import { useForecast } from "@/ledger/queries";
import type { Facts } from "@/live/facts";
import { PreemptibleChip } from "@/queue/PreemptibleChip";
import { currentStage, isPipeline, useStages } from "@/stages/queries";
import { Button, IconButton } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { Chip } from "@/ui/Chip";
import { formatCost, formatDeviceHours, formatDuration, formatNumber } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { Progress } from "@/ui/Progress";
import { StateBadge } from "@/ui/StateBadge";
import { useNow } from "@/ui/useNow";
import { EditDialog } from "./EditDialog";
import { hasEnded } from "./queries";
import { ReportDialog } from "./ReportDialog";
import { DeleteDialog, PauseDialog, ResumeDialog, StopDialog } from "./RunDialogs";
import styles from "./RunHeader.module.css";

type Asking = "stop" | "pause" | "resume" | "edit" | "report" | "delete" | null;

interface RunHeaderProps {
  run: RunDetail;
  facts: Facts;
}

export function RunHeader({ run, facts }: RunHeaderProps) {
  return (
    <header className={styles.header}>
      <div className={styles.top}>
        <div className={styles.name}>
          <h2 className="truncate" title={run.name}>
            {run.name}
          </h2>
          <span className={styles.id}>#{run.id}</span>
          <StateBadge state={facts.state} paused={run.paused !== ""} />
          {facts.phase && !hasEnded(facts.state) && (
            <span className={styles.phase}>{facts.phase}</span>
          )}
        </div>
        <Actions run={run} state={facts.state} />
      </div>
      <Figures run={run} facts={facts} />
    </header>
  );
}

/** Where it is, how long it takes, what it costs, where it comes from. */
function Figures({ run, facts }: RunHeaderProps) {
  const under = !hasEnded(facts.state);
  return (
    <div className={styles.figures}>
      <span className={styles.progress}>
        step {formatNumber(facts.step, 0)} / {formatNumber(run.total_steps, 0)}
        <Progress value={facts.step} max={run.total_steps} label="Progress" />
      </span>
      <CurrentStage run={run} facts={facts} />
      {under && <TimeLeft run={run} />}
      <Elapsed run={run} ticking={under && run.started_at !== null} />
      <span title="Devices held × hours">{formatDeviceHours(run.device_hours)} device-h</span>
      <span>{formatCost(run.cost_usd)}</span>
      {run.preset && <Chip title="Preset">{run.preset}</Chip>}
      {run.preemptible && <PreemptibleChip />}
      {run.tags.map((tag) => (
        <Chip key={tag}>{tag}</Chip>
      ))}
      <span className={styles.origin}>
        {run.parent && (
          <Link href={`/runs/${run.parent.id}`}>
            from {run.parent.name} · #{run.parent.id}
            {run.parent.step !== null && ` at step ${run.parent.step}`}
          </Link>
        )}
        <span>by {run.owner.username}</span>
      </span>
    </div>
  );
}

function CurrentStage({ run, facts }: RunHeaderProps) {
  const stages = useStages(run, facts).data?.stages ?? [];
  const current = currentStage(stages);
  if (!current) return null;
  return (
    <span>
      stage {stages.indexOf(current) + 1} of {stages.length}: {current.name}
    </span>
  );
}

/** Of a pipeline by its stages, as they have very different paces. */
function TimeLeft({ run }: { run: RunDetail }) {
  const staged = isPipeline(run) && run.eta_s !== null;
  const { data } = useForecast(run.id, staged);
  const seconds = staged ? data?.seconds?.mid : run.eta_s;
  if (typeof seconds !== "number") return null;
  const guess = staged && data?.stages?.some(({ basis }) => basis === "guess");
  return (
    <span title={guess ? "In part a guess: see Cost" : undefined}>
      {guess && "about "}
      {formatDuration(seconds)} left
    </span>
  );
}

/** Counts on between two answers of the server. */
function Elapsed({ run, ticking }: { run: RunDetail; ticking: boolean }) {
  const now = useNow();
  const { dataUpdatedAt } = useRun(run.id);
  const since = ticking ? Math.max(0, now.getTime() - dataUpdatedAt) / 1000 : 0;
  return <span title="Time under way">{formatDuration(run.duration_s + since)}</span>;
}

function Actions({ run, state }: { run: RunDetail; state: string }) {
  const [asking, setAsking] = useState<Asking>(null);
  const [, navigate] = useLocation();
  const may = run.permissions;
  const close = () => setAsking(null);
  useKeys(run.name, waysOf(run, state, setAsking, navigate));
  return (
    <div className={styles.actions}>
      {may.stop && !hasEnded(state) && (
        <Button
          icon={<Square size={14} />}
          busy={run.desired === "stopped"}
          onClick={() => setAsking("stop")}
        >
          {run.desired === "stopped" ? "Stopping" : "Stop"}
        </Button>
      )}
      {may.resume && hasEnded(state) && (
        <Button icon={<Play size={14} />} onClick={() => setAsking("resume")}>
          Resume
        </Button>
      )}
      {may.fork && (
        <ButtonLink href={`/new?from=${run.id}`} icon={<GitFork size={14} />}>
          Fork
        </ButtonLink>
      )}
      <Menu
        label="More actions"
        items={[
          {
            label: "Pause",
            disabled: !may.pause || hasEnded(state),
            onSelect: () => setAsking("pause"),
          },
          { label: "Edit", disabled: !may.change, onSelect: () => setAsking("edit") },
          { label: "Report", onSelect: () => setAsking("report") },
          { label: "Open its node", onSelect: () => navigate("/nodes") },
          {
            label: "Delete",
            danger: true,
            disabled: !may.delete,
            onSelect: () => setAsking("delete"),
          },
        ]}
        trigger={(props) => (
          <IconButton label="More actions" {...props}>
            <MoreHorizontal size={16} />
          </IconButton>
        )}
      />
      {asking === "stop" && <StopDialog run={run} onClose={close} />}
      {asking === "pause" && <PauseDialog run={run} onClose={close} />}
      {asking === "resume" && <ResumeDialog run={run} checkpoint={null} onClose={close} />}
      {asking === "edit" && <EditDialog run={run} onClose={close} />}
      {asking === "report" && <ReportDialog run={run} onClose={close} />}
      {asking === "delete" && <DeleteDialog run={run} onClose={close} />}
    </div>
  );
}

/** What the palette can do with the run. */
function waysOf(
  { id, permissions: may }: RunDetail,
  state: string,
  ask: (asking: Asking) => void,
  navigate: (path: string) => void,
) {
  const ended = hasEnded(state);
  return [
    { label: "Stop", can: may.stop && !ended, run: () => ask("stop") },
    { label: "Pause", can: may.pause && !ended, run: () => ask("pause") },
    { label: "Resume", can: may.resume && ended, run: () => ask("resume") },
    { label: "Fork", can: may.fork, run: () => navigate(`/new?from=${id}`) },
    { label: "Edit", can: may.change, run: () => ask("edit") },
    { label: "Report", can: true, run: () => ask("report") },
    { label: "Delete", can: may.delete, run: () => ask("delete") },
  ].flatMap(({ can, ...way }) => (can ? [{ keys: "", ...way }] : []));
}
