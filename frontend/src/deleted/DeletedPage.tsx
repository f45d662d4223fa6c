import { useInfiniteQuery } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { useRestoreRun } from "@/api/actions";
import { api, unwrap } from "@/api/client";
import { type DeletedRun, keys } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { Button } from "@/ui/Button";
import { plural } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { StateBadge } from "@/ui/StateBadge";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { useToast } from "@/ui/toast";

/** Deleted runs whose data is still there, each to be brought back. */
export default function DeletedPage() {
  usePageTitle("Recently deleted", "Runs", "/");
  const query = useDeletedRuns();
  if (query.isPending) return <SkeletonLines lines={4} />;
  if (query.isError) return <ErrorState error={query.error} onRetry={() => query.refetch()} />;
  const runs = query.data.pages.flatMap((page) => page.items);
  if (runs.length === 0) {
    return (
      <EmptyState title="Nothing was deleted lately">
        A deleted run waits here for some days before its data is removed.
      </EmptyState>
    );
  }
  return (
    <>
      <Table panel>
        <thead>
          <tr>
            <th>Run</th>
            <th>Project</th>
            <th>State</th>
            <th className="number">After</th>
            <th>Deleted</th>
            <th>Kept</th>
            <th>
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <DeletedRow key={run.id} run={run} />
          ))}
        </tbody>
      </Table>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </>
  );
}

function useDeletedRuns() {
  return useInfiniteQuery({
    queryKey: keys.deleted,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/api/v1/deleted-runs", { params: { query: { cursor: pageParam } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

function DeletedRow({ run }: { run: DeletedRun }) {
  const restore = useRestoreRun();
  const toast = useToast();
  return (
    <tr>
      <th scope="row">
        {run.name} <span className="muted">#{run.id}</span>
      </th>
      <td>{run.project}</td>
      <td>
        <StateBadge state={run.state} />
      </td>
      <td className="number">{plural(run.step, "step")}</td>
      <td>
        <RelativeTime at={run.deleted_at} />
        {run.deleted_by && ` by ${run.deleted_by}`}
      </td>
      <td>
        {run.kept_until ? <Until at={run.kept_until} /> : "while runs that started from it are"}
      </td>
      <td>
        <div className={table.actions}>
          <Button
            small
            icon={<Undo2 size={14} />}
            busy={restore.isPending}
            onClick={() =>
              restore.mutate(
                { id: run.id },
                { onSuccess: () => toast({ text: `${run.name} · #${run.id} is back.` }) },
              )
            }
          >
            Restore
          </Button>
        </div>
      </td>
    </tr>
  );
}

/** Past that moment it goes with the next turn of tidying up. */
function Until({ at }: { at: string }) {
  return new Date(at) < new Date() ? "goes any moment" : <RelativeTime at={at} />;
}
