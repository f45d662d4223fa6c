import {
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleStop,
  CircleX,
  type LucideIcon,
} from "lucide-react";
import type { CSSProperties, ReactNode } from "react";
import type { Stage } from "@/api/queries";
import { classes } from "@/ui/classes";
import {
  formatDeviceHours,
  formatDuration,
  formatMoney,
  formatNumber,
  formatPercent,
  plural,
} from "@/ui/format";
import { Progress } from "@/ui/Progress";
import { type Arrow, arrowsOf, laneCount, ROLE_WORDS, type Role } from "./flow";
import { KIND_WORDS } from "./kinds";
import styles from "./PipelineGraph.module.css";
import { stepsDone } from "./queries";

interface PipelineGraphProps {
  stages: readonly Stage[];
  /** The run's newest step. */
  step: number;
  selected: string | null;
  onSelect: (stage: Stage) => void;
}

/** The stages in their order, with what flows between them; one column on a phone. */
export function PipelineGraph({ stages, step, selected, onSelect }: PipelineGraphProps) {
  const arrows = arrowsOf(stages);
  const lanes = laneCount(arrows);
  const roles = [...new Set(arrows.map(({ role }) => role))];
  return (
    <div className={styles.frame}>
      <ol
        className={styles.graph}
        style={{ "--lanes": lanes, "--gaps": stages.length - 1 } as CSSProperties}
      >
        {stages.map((stage, place) => (
          <li key={stage.name} className={styles.stage} style={placed(place)}>
            <StageBox
              stage={stage}
              done={stage.state === "running" ? stepsDone(stage, step) : stage.done}
              selected={stage.name === selected}
              onSelect={() => onSelect(stage)}
            />
          </li>
        ))}
        {arrows.map((arrow) => (
          <ArrowLine key={`${arrow.role} ${arrow.from} ${arrow.to}`} arrow={arrow} />
        ))}
      </ol>
      {roles.length > 1 && <Legend roles={roles} />}
    </div>
  );
}

/** Three tracks a stage: two halves of its box, from and to whose middle arrows go, and a gap. */
function placed(place: number): CSSProperties {
  return { "--from": 3 * place + 1, "--to": 3 * place + 3 } as CSSProperties;
}

function ArrowLine({ arrow: { role, from, to, lane, words } }: { arrow: Arrow }) {
  const straight = { "--from": 3 * from + 3, "--to": 3 * from + 4 };
  const beside = { "--from": 3 * from + 2, "--to": 3 * to + 2, "--lane": lane };
  return (
    <li
      className={classes(lane === 0 ? styles.straight : styles.beside, styles[role])}
      style={(lane === 0 ? straight : beside) as CSSProperties}
      title={words}
    >
      <span className="visually-hidden">{words}</span>
    </li>
  );
}

function Legend({ roles }: { roles: readonly Role[] }) {
  return (
    <p className={styles.legend} aria-hidden>
      {roles.map((role) => (
        <span key={role}>
          <span className={classes(styles.sample, styles[role])} /> {ROLE_WORDS[role]}
        </span>
      ))}
    </p>
  );
}

const ICONS: Record<Stage["state"], LucideIcon> = {
  waiting: CircleDashed,
  running: CircleDot,
  finished: CircleCheck,
  failed: CircleX,
  stopped: CircleStop,
};

interface StageBoxProps {
  stage: Stage;
  done: number;
  selected: boolean;
  onSelect: () => void;
}

function StageBox({ stage, done, selected, onSelect }: StageBoxProps) {
  const { name, kind, state, steps } = stage;
  const Icon = ICONS[state];
  return (
    <button
      type="button"
      aria-pressed={selected}
      aria-current={state === "running" ? "step" : undefined}
      className={classes(styles.box, styles[state], selected && styles.selected)}
      onClick={onSelect}
    >
      <span className={styles.head}>
        <Icon size={14} aria-hidden className={styles.icon} />
        <span className={styles.name}>{breakable(name)}</span>
        <span className="visually-hidden">{state}</span>
      </span>
      <span className={styles.kind}>{KIND_WORDS[kind]}</span>
      <span className={styles.steps}>
        {state === "running"
          ? `${formatNumber(done, 0)} of ${plural(steps, "step")}`
          : plural(steps, "step")}
      </span>
      {state === "running" && <Progress value={done} max={steps} label={`Progress of ${name}`} />}
      <StageFigures stage={stage} />
    </button>
  );
}

/** A name that may go on in a new line after each underscore. */
function breakable(name: string): ReactNode[] {
  return name
    .split(/(?<=_)/)
    .flatMap((part, place) => (place ? [<wbr key={part} />, part] : [part]));
}

/** Time, device-hours and cost of what has begun, and its score. */
function StageFigures({ stage }: { stage: Stage }) {
  const { began_at, seconds, device_hours, costs, score } = stage;
  if (began_at === null) return null;
  return (
    <>
      <span className={styles.figures}>
        <span>{formatDuration(seconds)}</span>
        <span title="Devices held × hours">{formatDeviceHours(device_hours)} device-h</span>
        {costs
          .filter(({ micros }) => micros > 0)
          .map(({ currency, micros }) => (
            <span key={currency}>{formatMoney(micros / 1e6, currency)}</span>
          ))}
      </span>
      {score && (
        <span className={styles.score} title={`Held-out pass@1 at step ${score.step}`}>
          {formatPercent(score.value)}{" "}
          {score.low !== null && score.high !== null && (
            <small>
              {formatFixedPercent(score.low)}–{formatFixedPercent(score.high)}
            </small>
          )}
        </span>
      )}
    </>
  );
}

/** 0.615 → "61.5", where the sign stands beside it already. */
export function formatFixedPercent(share: number): string {
  return (share * 100).toFixed(1);
}
