import { Dialog } from "@/ui/Dialog";
import { Select } from "@/ui/Field";
import { useComparePage } from "./page";
import { useMyProjects } from "./useMyProjects";
import { ViewList } from "./ViewList";

/** The views of a project, beside what the page shows now. */
export function ViewsDialog({ onClose }: { onClose: () => void }) {
  const { runs } = useComparePage();
  const projects = useMyProjects(runs[0]?.project);
  return (
    <Dialog title="Saved views" onClose={onClose} wide>
      {projects.options.length > 1 && (
        <Select
          aria-label="Project"
          value={projects.slug}
          options={projects.options}
          onChange={projects.setSlug}
        />
      )}
      <ViewList slug={projects.slug} mayChange={projects.mayChange} onOpen={onClose} />
    </Dialog>
  );
}
