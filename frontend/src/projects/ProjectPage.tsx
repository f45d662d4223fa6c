import { NotebookPen } from "lucide-react";
import { useSearchParams } from "wouter";
import { AlertTable } from "@/alerts/AlertTable";
import { useAlerts } from "@/alerts/queries";
import { RuleTable } from "@/alerts/RuleTable";
import type { Project } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { ProjectCostTab } from "@/ledger/ProjectCostTab";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { EmptyState, ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Tabs } from "@/ui/Tabs";
import styles from "./ProjectPage.module.css";
import { useProjects } from "./queries";
import { StorageTab } from "./StorageTab";
import { TargetsTab } from "./TargetsTab";

const TABS = [
  { key: "alerts", label: "Alerts" },
  { key: "rules", label: "Rules and budgets" },
  { key: "targets", label: "Targets" },
  { key: "cost", label: "Cost" },
  { key: "storage", label: "Storage" },
] as const;

type TabKey = (typeof TABS)[number]["key"];

const PANEL = "project-panel";

/** One project: its alerts, what raises them, where they go, and what it takes. */
export default function ProjectPage({ slug }: { slug: string }) {
  const projects = useProjects();
  const [params, setParams] = useSearchParams();
  const tab = TABS.find(({ key }) => key === params.get("tab"))?.key ?? "alerts";
  const project = projects.data?.find((each) => each.slug === slug && each.role !== null);
  usePageTitle(project?.name ?? slug, "Projects", "/projects");
  if (projects.isPending) return <SkeletonLines lines={8} />;
  if (projects.isError && !projects.data) {
    return <ErrorState error={projects.error} onRetry={() => projects.refetch()} />;
  }
  if (!project) {
    return (
      <EmptyState
        title="There is no such project"
        action={<ButtonLink href="/projects">All projects</ButtonLink>}
      >
        Its address may be mistyped, or you are not in it: ask one of its owners.
      </EmptyState>
    );
  }
  return (
    <div className={styles.page}>
      <p>
        <ButtonLink href={`/projects/${slug}/notes`} icon={<NotebookPen size={14} />}>
          Notes
        </ButtonLink>
      </p>
      <Tabs
        label="About this project"
        tabs={TABS}
        selected={tab}
        onSelect={(key) => setParams({ tab: key })}
        panel={PANEL}
      />
      <div id={PANEL} role="tabpanel" aria-label={TABS.find(({ key }) => key === tab)?.label}>
        <Panel tab={tab} project={project} />
      </div>
    </div>
  );
}

function Panel({ tab, project }: { tab: TabKey; project: Project }) {
  const mayChange = project.role !== "viewer";
  const { slug } = project;
  switch (tab) {
    case "alerts":
      return <Alerts slug={slug} mayChange={mayChange} />;
    case "rules":
      return (
        <>
          <p className={styles.note}>
            A budget of the project watches all its runs together. The other rules are what each new
            run begins with; runs that exist keep their own.
          </p>
          <RuleTable
            title="Rules"
            scope={{ project: slug }}
            facts={null}
            metrics={[]}
            mayChange={mayChange}
          />
        </>
      );
    case "targets":
      return <TargetsTab slug={slug} mayChange={mayChange} />;
    case "cost":
      return <ProjectCostTab slug={slug} />;
    case "storage":
      return <StorageTab project={project} />;
  }
}

function Alerts({ slug, mayChange }: { slug: string; mayChange: boolean }) {
  const query = useAlerts({ project: slug }, null);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={6} />;
  if (query.data.length === 0) {
    return (
      <EmptyState title="No alerts">
        No rule of a run, and no budget of the project, has fired.
      </EmptyState>
    );
  }
  return (
    <>
      <AlertTable alerts={query.data} mayChange={mayChange} />
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show older ones
        </Button>
      )}
    </>
  );
}
