import { useLocation, useSearchParams } from "wouter";
import { usePageTitle } from "@/app/title";
import { ButtonLink } from "@/ui/ButtonLink";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { parseReader } from "./address";
import styles from "./CompletionPage.module.css";
import { CompletionView } from "./CompletionView";
import { useGroup } from "./queries";

interface CompletionPageProps {
  groupId: number;
  /** Place in the group. */
  index: number;
}

/** A completion at its address for ever. */
export default function CompletionPage({ groupId, index }: CompletionPageProps) {
  const [, navigate] = useLocation();
  const [params, setParams] = useSearchParams();
  const query = useGroup(groupId);
  const run = query.data?.run_id;
  usePageTitle(
    `Completion ${groupId}-${index}`,
    run === undefined ? undefined : `Run #${run}`,
    run === undefined ? undefined : `/runs/${run}`,
  );
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={6} height={96} />;
  const { group } = query.data;
  const inRun = `/runs/${run}?tab=rollouts&step=${group.step}&group=${group.id}`;
  if (!group.completions[index])
    return (
      <EmptyState
        title={`The group has no completion ${index}`}
        action={<ButtonLink href={inRun}>See the group</ButtonLink>}
      >
        It has {group.completions.length}, counted from 0.
      </EmptyState>
    );
  const linkOf = (place: number) =>
    `/completions/${groupId}-${place}${params.size > 0 ? `?${params}` : ""}`;
  const last = group.completions.length - 1;
  return (
    <div className={styles.page}>
      <CompletionView
        detail={query.data}
        completions={group.completions}
        place={index}
        onMove={(to) => navigate(linkOf(Math.max(0, Math.min(last, to))), { replace: true })}
        tint={parseReader(params).tint}
        onTint={(tint) => setParams(tint === "none" ? {} : { tint }, { replace: true })}
        upLabel={`Step ${group.step} of run #${run}`}
        onUp={() => navigate(inRun)}
      />
    </div>
  );
}
