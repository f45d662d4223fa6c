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
import type { RunState } from "@/api/queries";
import { classes } from "./classes";
import styles from "./StateBadge.module.css";

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
export function StateBadge({ state, iconOnly }: { state: string; iconOnly?: boolean }) {
  const Icon = ICONS[state as RunState];
  return (
    <span className={classes(styles.state, styles[state])} title={iconOnly ? state : undefined}>
      <Icon size={14} aria-hidden />
      <span className={iconOnly ? "visually-hidden" : undefined}>{state}</span>
    </span>
  );
}
