import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { newQueryClient } from "@/api/queryClient";
import { RunsPage } from "@/runs/RunsPage";
import { ButtonLink } from "@/ui/ButtonLink";
import { EmptyState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { ToastProvider } from "@/ui/toast";
import { PageBoundary } from "./PageBoundary";
import { Shell } from "./Shell";
import { usePageTitle } from "./title";

const RunPage = lazy(() => import("@/run/RunPage"));
const ComparePage = lazy(() => import("@/compare/ComparePage"));
const NotesPage = lazy(() => import("@/notes/NotesPage"));
const NotePage = lazy(() => import("@/notes/NotePage"));
const NewRunPage = lazy(() => import("@/new/NewRunPage"));
const NodesPage = lazy(() => import("@/nodes/NodesPage"));
const QueuePage = lazy(() => import("@/queue/QueuePage"));
const ProjectsPage = lazy(() => import("@/projects/ProjectsPage"));
const ProjectPage = lazy(() => import("@/projects/ProjectPage"));
const PlanePage = lazy(() => import("@/ledger/PlanePage"));
const PricesPage = lazy(() => import("@/ledger/PricesPage"));
const ReferencePage = lazy(() => import("@/ledger/ReferencePage"));
const DeletedPage = lazy(() => import("@/deleted/DeletedPage"));
const CompletionPage = lazy(() => import("@/rollouts/CompletionPage"));
const PlaygroundPage = lazy(() => import("@/playground/PlaygroundPage"));
const PresetsPage = lazy(() => import("@/presets/PresetsPage"));

const client = newQueryClient();

export function App() {
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>
        <Shell>
          <PageBoundary>
            <Suspense fallback={<SkeletonLines lines={12} />}>
              <Pages />
            </Suspense>
          </PageBoundary>
        </Shell>
      </ToastProvider>
    </QueryClientProvider>
  );
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={RunsPage} />
      <Route path="/compare" component={ComparePage} />
      <Route path="/cost" component={PlanePage} />
      <Route path="/cost/prices" component={PricesPage} />
      <Route path="/cost/reference" component={ReferencePage} />
      <Route path="/new" component={NewRunPage} />
      <Route path="/queue" component={QueuePage} />
      <Route path="/nodes" component={NodesPage} />
      <Route path="/runs/:id/playground">
        {({ id }) =>
          /^\d+$/.test(id) ? <PlaygroundPage key={id} runId={Number(id)} /> : <NoSuchPage />
        }
      </Route>
      <Route path="/presets" component={PresetsPage} />
      <Route path="/deleted" component={DeletedPage} />
      <Route path="/projects" component={ProjectsPage} />
      <Route path="/projects/:slug/notes">
        {({ slug }) => <NotesPage key={slug} slug={slug} />}
      </Route>
      <Route path="/notes/:id">
        {({ id }) =>
          /^\d+$/.test(id) ? <NotePage key={id} noteId={Number(id)} /> : <NoSuchPage />
        }
      </Route>
      <Route path="/projects/:slug">{({ slug }) => <ProjectPage key={slug} slug={slug} />}</Route>
      <Route path="/runs/:id">
        {({ id }) => (/^\d+$/.test(id) ? <RunPage key={id} runId={Number(id)} /> : <NoSuchPage />)}
      </Route>
      <Route path="/completions/:id">
        {({ id }) => {
          const [, group, index] = id.match(/^(\d{1,15})-(\d{1,9})$/) ?? [];
          if (group === undefined) return <NoSuchPage />;
          return <CompletionPage groupId={Number(group)} index={Number(index)} />;
        }}
      </Route>
      <Route component={NoSuchPage} />
    </Switch>
  );
}

function NoSuchPage() {
  usePageTitle("No such page");
  return (
    <EmptyState title="There is no such page" action={<ButtonLink href="/">All runs</ButtonLink>}>
      The address may be mistyped, or what it pointed at was removed.
    </EmptyState>
  );
}
