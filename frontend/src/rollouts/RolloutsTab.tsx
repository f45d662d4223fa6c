import { useState } from "react";
import type { TabProps } from "@/run/RunPage";
import { Segmented } from "@/ui/Segmented";
import { AllCompletions } from "./AllCompletions";
import { VIEWS } from "./address";
import { EmergenceView } from "./EmergenceView";
import { GroupReader } from "./GroupReader";
import { RolloutPanel } from "./RolloutPanel";
import styles from "./RolloutsTab.module.css";

/** How one reads what the model wrote: a step, its groups, a group, a completion; or all of them. */
export default function RolloutsTab(props: TabProps) {
  const { address, go } = props;
  const [group, setGroup] = useState(0);
  const [row, setRow] = useState(0);
  if (address.group !== null) return <GroupReader {...props} groupId={address.group} />;
  return (
    <div className={styles.tab}>
      <Segmented
        label="What to read"
        value={address.view}
        options={VIEWS.map(({ key, label }) => ({ value: key, label }))}
        onChange={(view) => go({ view })}
      />
      {address.view === "step" ? (
        <RolloutPanel {...props} cursor={group} onCursor={setGroup} />
      ) : address.view === "all" ? (
        <AllCompletions {...props} cursor={row} onCursor={setRow} />
      ) : (
        <EmergenceView {...props} />
      )}
    </div>
  );
}
