import { useState } from "react";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { CompletionView } from "./CompletionView";
import { GroupView } from "./GroupView";
import { type GroupDetail, useGroup, useRollouts } from "./queries";
import { ordered } from "./rolloutOrder";
import { useKeys } from "./useKeys";

/** A group that is open in the run's page: its completions side by side, or one of them. */
export function GroupReader({ groupId, ...props }: TabProps & { groupId: number }) {
  const query = useGroup(groupId);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={6} height={96} />;
  return <OpenGroup {...props} detail={query.data} />;
}

function OpenGroup({ run, address, go, detail }: TabProps & { detail: GroupDetail }) {
  const { group } = detail;
  const [cursor, setCursor] = useState(0);
  const completions = ordered(detail, address.order);
  const opened = completions.findIndex(({ index }) => index === address.completion);
  const place = Math.min(opened >= 0 ? opened : cursor, completions.length - 1);
  const move = (to: number) => {
    const next = Math.max(0, Math.min(completions.length - 1, to));
    setCursor(next);
    if (opened >= 0) go({ completion: completions[next]?.index ?? null });
  };
  useGroupKeys({ runId: run.id, detail, go });
  const shared = { detail, completions, place, onMove: move };
  if (opened >= 0) {
    const fromList = address.view !== "step";
    return (
      <CompletionView
        {...shared}
        upLabel={fromList ? "All completions" : "Group"}
        onUp={() => go({ completion: null, ...(fromList && { group: null }) })}
      />
    );
  }
  return (
    <GroupView
      {...shared}
      order={address.order}
      onOrder={(order) => go({ order })}
      onOpen={(completion) => go({ completion })}
      onUp={() => go({ group: null, completion: null })}
      linkOf={(completion) =>
        linkTo(run.id, { ...address, tab: "rollouts", group: group.id, completion })
      }
    />
  );
}

/** The groups of the same step, before and after this one. */
function useGroupKeys(props: { runId: number; detail: GroupDetail; go: TabProps["go"] }): void {
  const { runId, detail, go } = props;
  const pages = useRollouts(runId, { step: detail.group.step, groups: 0 }).data?.pages ?? [];
  const groups = pages.flatMap((page) => page.items);
  const at = groups.findIndex(({ id }) => id === detail.group.id);
  const move = (by: number) => {
    const next = at >= 0 ? groups[at + by] : undefined;
    if (next) go({ group: next.id, step: next.step, completion: null });
  };
  useKeys("Group", [
    { keys: "ArrowLeft", label: "Group before", run: () => move(-1) },
    { keys: "ArrowRight", label: "Next group", run: () => move(1) },
  ]);
}
