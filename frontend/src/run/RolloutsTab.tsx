import { RolloutPanel } from "./RolloutPanel";
import type { TabProps } from "./RunPage";

/** The rollouts of a step over the whole width. */
export function RolloutsTab(props: TabProps) {
  return <RolloutPanel {...props} />;
}
