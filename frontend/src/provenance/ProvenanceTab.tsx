import type { TabProps } from "@/run/RunPage";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { DatasetCards } from "./DatasetCards";
import { LeftOut } from "./LeftOut";
import { LineOfParents } from "./LineOfParents";
import styles from "./Provenance.module.css";
import { useProvenance } from "./queries";

/** What a run was made from: its checkpoints' parents, its data, and what was left out of that. */
export default function ProvenanceTab({ run, facts }: TabProps) {
  const query = useProvenance(run.id, facts);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  const { datasets, decontamination, checkpoints } = query.data;
  if (datasets.length === 0 && checkpoints.length === 0)
    return (
      <EmptyState title="Nothing told yet">
        A run tells of its data, code and hardware when it begins to train.
      </EmptyState>
    );
  return (
    <div className={styles.page}>
      {checkpoints.length > 0 && <LineOfParents checkpoints={checkpoints} datasets={datasets} />}
      {datasets.length > 0 && <DatasetCards datasets={datasets} />}
      <LeftOut found={decontamination} />
    </div>
  );
}
