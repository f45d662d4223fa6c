import { useMe, useNodes } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { NodeCard } from "./NodeCard";
import styles from "./NodesPage.module.css";

/** The machines: what is there, what it has, what runs on it, when it was last heard. */
export default function NodesPage() {
  usePageTitle("Nodes");
  const nodes = useNodes();
  const me = useMe();
  if (nodes.isPending) return <SkeletonLines lines={3} height={160} />;
  if (nodes.isError && !nodes.data) {
    return <ErrorState error={nodes.error} onRetry={() => nodes.refetch()} />;
  }
  if (nodes.data.length === 0) {
    return (
      <EmptyState title="No node has reported yet">
        A node registers itself when its worker starts. Queued runs wait until one does.
      </EmptyState>
    );
  }
  return (
    <div className={styles.nodes}>
      {nodes.data.map((node) => (
        <NodeCard key={node.id} node={node} mayCordon={me.data?.is_staff ?? false} />
      ))}
    </div>
  );
}
