import { useState } from "react";
import type { TabProps } from "@/run/RunPage";
import { GroupReader } from "./GroupReader";
import { RolloutPanel } from "./RolloutPanel";

/** How one reads what the model wrote: a step, its groups, a group, a completion. */
export default function RolloutsTab(props: TabProps) {
  const { address } = props;
  const [cursor, setCursor] = useState(0);
  if (address.group !== null) return <GroupReader {...props} groupId={address.group} />;
  return <RolloutPanel {...props} cursor={cursor} onCursor={setCursor} />;
}
