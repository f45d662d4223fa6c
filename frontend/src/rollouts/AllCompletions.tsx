import { Download } from "lucide-react";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./AllCompletions.module.css";
import { CompletionTable } from "./CompletionTable";
import { forSupervision, partsOfRows } from "./conditions";
import { FilterBar } from "./FilterBar";
import { Histogram } from "./Histogram";
import { type Choice, exportLink, useCompletions } from "./queries";
import { SearchField } from "./SearchField";
import { SearchResults } from "./SearchResults";

interface AllCompletionsProps extends TabProps {
  /** Place in the list of the one that the keys act on. */
  cursor: number;
  onCursor: (place: number) => void;
}

/** The completions of the whole run: filtered, sorted, counted, searched, exported. */
export function AllCompletions({ cursor, onCursor, ...props }: AllCompletionsProps) {
  const { run, address, go } = props;
  const choice: Choice = { where: address.where, starred: address.starred };
  const query = useCompletions(run.id, { ...choice, sort: address.sort });
  const rows = query.data?.pages.flatMap((page) => page.items) ?? [];
  const first = query.data?.pages[0];
  const parts = partsOfRows(rows);
  return (
    <section aria-label="All completions" className={styles.page}>
      <SearchField address={address} go={go} />
      <FilterBar address={address} go={go} parts={parts} />
      <Histogram run={run} address={address} go={go} parts={parts} />
      <div className={styles.count}>
        <span role="status">
          {first
            ? `${formatNumber(first.matched, 0)} of ${formatNumber(first.total, 0)} completions`
            : "…"}
        </span>
        <ExportMenu runId={run.id} choice={choice} parts={parts} />
      </div>
      {address.q ? (
        <SearchResults
          key={JSON.stringify([choice, address.q, address.mode])}
          {...props}
          choice={choice}
        />
      ) : query.error ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : !first ? (
        <SkeletonLines lines={8} height={36} />
      ) : (
        <CompletionTable
          {...props}
          rows={rows}
          parts={parts}
          cursor={cursor}
          onCursor={onCursor}
          onEnd={() => query.hasNextPage && !query.isFetching && void query.fetchNextPage()}
        />
      )}
    </section>
  );
}

interface ExportMenuProps {
  runId: number;
  choice: Choice;
  parts: readonly string[];
}

/** What the conditions hold for, as a file; a search does not narrow it. */
function ExportMenu({ runId, choice, parts }: ExportMenuProps) {
  const download = (of: Choice, format: "jsonl" | "parquet") => () =>
    window.location.assign(exportLink(runId, of, format));
  const right = { ...choice, where: forSupervision(choice.where, parts) };
  return (
    <Menu
      label="Export"
      items={[
        { label: "JSON lines", onSelect: download(choice, "jsonl") },
        { label: "Parquet", onSelect: download(choice, "parquet") },
        { label: "For SFT: the right ones, JSON lines", onSelect: download(right, "jsonl") },
        { label: "For SFT: the right ones, Parquet", onSelect: download(right, "parquet") },
      ]}
      trigger={(trigger) => (
        <Button small icon={<Download size={14} />} {...trigger}>
          Export
        </Button>
      )}
    />
  );
}
