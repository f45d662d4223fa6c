import { Link } from "wouter";
import type { Project } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { formatBytes, formatCompact, formatNumber } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import { useProjects } from "./queries";

/** The projects one is in, or all for staff, and what each takes. */
export default function ProjectsPage() {
  usePageTitle("Projects");
  const projects = useProjects();
  if (projects.isPending) return <SkeletonLines lines={4} />;
  if (projects.isError && !projects.data) {
    return <ErrorState error={projects.error} onRetry={() => projects.refetch()} />;
  }
  if (projects.data.length === 0) {
    return (
      <EmptyState title="You are in no project yet">
        Ask an owner of a project, or whoever runs this installation, to add you.
      </EmptyState>
    );
  }
  return (
    <Table panel>
      <thead>
        <tr>
          <th>Project</th>
          <th>Your role</th>
          <th className="number">Runs</th>
          <th className="number">Files</th>
          <th className="number">Checkpoints</th>
          <th className="number">Journals</th>
          <th className="number">To be freed</th>
          <th className="number">Values</th>
          <th className="number">Completions</th>
          <th>Measured</th>
        </tr>
      </thead>
      <tbody>
        {projects.data.map((project) => (
          <ProjectRow key={project.slug} project={project} />
        ))}
      </tbody>
    </Table>
  );
}

function ProjectRow({ project }: { project: Project }) {
  return (
    <tr>
      <th scope="row">
        {project.role ? (
          <Link href={`/projects/${project.slug}`}>{project.name}</Link>
        ) : (
          project.name
        )}
      </th>
      <td>{project.role ?? "–"}</td>
      <td className="number">{formatNumber(project.runs, 0)}</td>
      <td className="number">{formatBytes(project.bytes)}</td>
      <td className="number">{formatBytes(project.checkpoint_bytes)}</td>
      <td className="number">{formatBytes(project.journal_bytes)}</td>
      <td className="number" title="Of deleted runs that can still be restored">
        {formatBytes(project.deleted_bytes)}
      </td>
      <td className="number">{formatCompact(project.points)}</td>
      <td className="number">{formatCompact(project.completions)}</td>
      <td>
        <RelativeTime at={project.measured_at} />
      </td>
    </tr>
  );
}
