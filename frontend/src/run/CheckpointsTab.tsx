import { MessageSquare, PackageOpen, Play, SquarePlus } from "lucide-react";
import { useState } from "react";
import { type Checkpoint, useCheckpoints } from "@/api/queries";
import { nearest } from "@/charts/group";
import type { SeriesTable } from "@/live/series";
import { useReleases } from "@/releases/queries";
import { ReleaseDialog } from "@/releases/ReleaseDialog";
import { ReleaseList } from "@/releases/ReleaseList";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { formatBytes, formatFixed, formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import styles from "@/ui/table.module.css";
import { ResumeDialog } from "./RunDialogs";
import type { TabProps } from "./RunPage";

const REASONS: Record<string, string> = {
  schedule: "as planned",
  stop: "before stopping",
  final: "at the end",
};

/** What was saved, how good it was, and the ways on from there. */
export function CheckpointsTab({ run, store }: TabProps) {
  const query = useCheckpoints(run.id);
  const [resuming, setResuming] = useState<Checkpoint | null>(null);
  const [releasing, setReleasing] = useState<Checkpoint | null>(null);
  const releases = useReleases(run.id);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  if (query.data.length === 0)
    return (
      <EmptyState title="No checkpoints yet">The config says how often one is written.</EmptyState>
    );
  return (
    <>
      <Table>
        <thead>
          <tr>
            <th className="number">Step</th>
            <th>Written</th>
            <th className="number">Reward</th>
            <th className="number">pass@1</th>
            <th className="number">Size</th>
            <th>When</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {query.data.map((checkpoint) => (
            <tr key={checkpoint.id}>
              <th scope="row" className="number">
                {formatNumber(checkpoint.step, 0)}
              </th>
              <td>{REASONS[checkpoint.reason] ?? checkpoint.reason}</td>
              <td className="number">{scoreNear(store.series, "reward/mean", checkpoint.step)}</td>
              <td className="number">
                {scoreNear(store.series, "eval/pass_at_1", checkpoint.step)}
              </td>
              <td className="number">{formatBytes(checkpoint.bytes)}</td>
              <td>
                <RelativeTime at={checkpoint.created_at} />
              </td>
              <td className={styles.actions}>
                <ButtonLink
                  small
                  icon={<MessageSquare size={14} />}
                  href={`/runs/${run.id}/playground?right=step-${checkpoint.step}`}
                >
                  Talk to it
                </ButtonLink>
                {run.permissions.fork && (
                  <ButtonLink
                    small
                    icon={<SquarePlus size={14} />}
                    href={`/new?from=${run.id}&checkpoint=${checkpoint.id}`}
                  >
                    Start a run from here
                  </ButtonLink>
                )}
                {run.permissions.resume && (
                  <Button small icon={<Play size={14} />} onClick={() => setResuming(checkpoint)}>
                    Resume from here
                  </Button>
                )}
                {releases.data?.may_release && (
                  <Button
                    small
                    icon={<PackageOpen size={14} />}
                    onClick={() => setReleasing(checkpoint)}
                  >
                    Release…
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      <ReleaseList runId={run.id} />
      {releasing && (
        <ReleaseDialog
          checkpoint={releasing}
          mayPush={releases.data?.may_push ?? false}
          onClose={() => setReleasing(null)}
        />
      )}
      {resuming && (
        <ResumeDialog run={run} checkpoint={resuming} onClose={() => setResuming(null)} />
      )}
    </>
  );
}

/** The value measured nearest to `step`, with its step where that is another one. */
function scoreNear(table: SeriesTable, name: string, step: number): string {
  const series = table.get(name);
  if (!series || series.steps.length === 0) return "–";
  const index = nearest(series.steps.view(), step);
  const value = formatFixed(series.values.at(index), 2);
  const measured = series.steps.at(index);
  return measured === step ? value : `${value} at step ${measured}`;
}
