import { Link } from "wouter";
import type { Project } from "@/api/queries";
import { Button } from "@/ui/Button";
import { formatBytes, formatCompact } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { StateBadge } from "@/ui/StateBadge";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ProjectPage.module.css";
import { useSizes } from "./queries";

/** What the project takes, and which of its runs take most. */
export function StorageTab({ project }: { project: Project }) {
  return (
    <>
      <section className={table.section}>
        <h3>In all</h3>
        <Totals project={project} />
        <p className={styles.note}>
          {project.measured_at ? (
            <>
              Measured in the background, the oldest figure{" "}
              <RelativeTime at={project.measured_at} />.
            </>
          ) : (
            "Not measured yet: that happens in the background within ten minutes."
          )}{" "}
          {project.deleted_bytes > 0 && (
            <>
              {formatBytes(project.deleted_bytes)} belong to{" "}
              <Link href="/deleted">recently deleted</Link> runs and go by themselves.
            </>
          )}
        </p>
      </section>
      <Largest slug={project.slug} />
    </>
  );
}

function Totals({ project }: { project: Project }) {
  const figures = [
    ["Files", formatBytes(project.bytes)],
    ["Checkpoints", formatBytes(project.checkpoint_bytes)],
    ["Journals", formatBytes(project.journal_bytes)],
    ["Releases", formatBytes(project.release_bytes)],
    ["Logs and configs", formatBytes(project.other_bytes)],
    ["Values of metrics", formatCompact(project.points)],
    ["Completions", formatCompact(project.completions)],
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Largest({ slug }: { slug: string }) {
  const query = useSizes(slug);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={6} />;
  return (
    <section className={table.section}>
      <h3>Runs, the largest first</h3>
      <Table>
        <thead>
          <tr>
            <th>Run</th>
            <th>State</th>
            <th className="number">Files</th>
            <th className="number">Checkpoints</th>
            <th className="number">Journal</th>
            <th className="number">Values</th>
            <th className="number">Completions</th>
            <th>Measured</th>
          </tr>
        </thead>
        <tbody>
          {query.data.map((size) => (
            <tr key={size.run}>
              <th scope="row">
                {size.deleted ? (
                  size.name
                ) : (
                  <Link href={`/runs/${size.run}?tab=checkpoints`}>{size.name}</Link>
                )}{" "}
                <span className="muted">#{size.run}</span>
              </th>
              <td>{size.deleted ? "deleted" : <StateBadge state={size.state} />}</td>
              <td className="number">{formatBytes(size.bytes)}</td>
              <td className="number">{formatBytes(size.checkpoint_bytes)}</td>
              <td className="number">{formatBytes(size.journal_bytes)}</td>
              <td className="number">{formatCompact(size.points)}</td>
              <td className="number">{formatCompact(size.completions)}</td>
              <td>
                <RelativeTime at={size.measured_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show smaller ones
        </Button>
      )}
    </section>
  );
}
