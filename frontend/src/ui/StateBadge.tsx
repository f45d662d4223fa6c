import {
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleHelp,
  CirclePause,
  CircleStop,
  CircleX,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { classes } from "./classes";
import styles from "./StateBadge.module.css";

export type RunState =
  | "queued"
  | "starting"
  | "running"
  | "stopping"
  | "finished"
  | "failed"
  | "stopped"
  | "lost";

const ICONS: Record<RunState, LucideIcon> = {
  queued: CircleDashed,
  starting: LoaderCircle,
  running: CircleDot,
  stopping: CirclePause,
  finished: CircleCheck,
  failed: CircleX,
  stopped: CircleStop,
  lost: CircleHelp,
};

export const STATES = Object.keys(ICONS) as RunState[];

/** A run's state: an icon and a word in the state's colour. */
export function StateBadge({ state, iconOnly }: { state: RunState; iconOnly?: boolean }) {
  const Icon = ICONS[state];
  return (
    <span className={classes(styles.state, styles[state])} title={iconOnly ? state : undefined}>
      <Icon size={14} aria-hidden />
      <span className={iconOnly ? "visually-hidden" : undefined}>{state}</span>
    </span>
  );
}
