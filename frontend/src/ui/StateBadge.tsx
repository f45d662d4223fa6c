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

interface StateBadgeProps {
  state: string;
  /** While it is queued: it waits for a person. */
  paused?: boolean;
  iconOnly?: boolean;
  /** What it is called where it is not a run's. */
  word?: string;
}

/** A run's state: an icon and a word in the state's colour. */
export function StateBadge({ state, paused, iconOnly, ...own }: StateBadgeProps) {
  const waits = paused && state === "queued";
  const Icon = waits ? CirclePause : ICONS[state as RunState];
  const word = own.word ?? (waits ? "paused" : state);
  return (
    <span className={classes(styles.state, styles[state])} title={iconOnly ? word : undefined}>
      <Icon size={14} aria-hidden />
      <span className={iconOnly ? "visually-hidden" : undefined}>{word}</span>
    </span>
  );
}
