import { useEffect, useState } from "react";
import { useKeys } from "@/app/useKeys";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { CompletionView } from "./CompletionView";
import { GroupHead, GroupView } from "./GroupView";
import styles from "./GroupView.module.css";
import { type GroupDetail, useGroup, useRollouts } from "./queries";
import { ordered } from "./rolloutOrder";
import { SamePrompt } from "./SamePrompt";

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
  const fromList = address.view !== "step";
  useGroupKeys({ run, detail, go });
  const shared = { detail, completions, place, onMove: move };
  if (opened >= 0) {
    return (
      <CompletionView
        {...shared}
        tint={address.tint}
        onTint={(tint) => go({ tint })}
        upLabel={fromList ? "All completions" : "Group"}
        onUp={() => {
          setCursor(place);
          go({ completion: null, ...(fromList && { group: null }) });
        }}
      />
    );
  }
  if (address.alike)
    return (
      <section aria-label="Same prompt" className={styles.group}>
        <GroupHead detail={detail} upLabel="Group" onUp={() => go({ alike: false })} />
        <SamePrompt run={run} address={address} go={go} detail={detail} />
      </section>
    );
  return (
    <GroupView
      {...shared}
      order={address.order}
      onOrder={(order) => go({ order })}
      onOpen={(completion) => go({ completion })}
      onUp={() => go({ group: null, completion: null })}
      onAlike={() => go({ alike: true })}
      linkOf={(completion) =>
        linkTo(run.id, { ...address, tab: "rollouts", group: group.id, completion })
      }
    />
  );
}

/** The groups of the same step, before and after this one. */
function useGroupKeys({ run, detail, go }: Pick<TabProps, "run" | "go"> & { detail: GroupDetail }) {
  const query = useRollouts(run, { step: detail.group.step, groups: 0 });
  const groups = query.data?.pages.flatMap((page) => page.items) ?? [];
  const at = groups.findIndex(({ id }) => id === detail.group.id);
  const { hasNextPage, isFetching, fetchNextPage } = query;
  const isLast = at === groups.length - 1 || at < 0;
  const known = groups.length; // a page may come before anybody saw that it was fetched
  useEffect(() => {
    if (known > 0 && isLast && hasNextPage && !isFetching) void fetchNextPage();
  }, [known, isLast, hasNextPage, isFetching, fetchNextPage]);
  const move = (by: number) => {
    const next = at >= 0 ? groups[at + by] : undefined;
    if (next) go({ group: next.id, step: next.step, completion: null });
  };
  useKeys("Group", [
    { keys: "ArrowLeft", label: "Group before", run: () => move(-1) },
    { keys: "ArrowRight", label: "Next group", run: () => move(1) },
  ]);
}
