import { useState } from "react";
import { SelectField, TextField } from "@/ui/Field";
import { FormDialog } from "@/ui/FormDialog";
import { useToast } from "@/ui/toast";
import { queryOf } from "./address";
import { useComparePage } from "./page";
import { useMyProjects } from "./useMyProjects";
import { useSaveView } from "./views";

/** Asks for a name, and for a project where there are several. */
export function SaveViewDialog({ onClose }: { onClose: () => void }) {
  const { address, runs } = useComparePage();
  const projects = useMyProjects(runs[0]?.project, true);
  const [name, setName] = useState("");
  const save = useSaveView(projects.slug);
  const toast = useToast();
  const act = () =>
    save.mutate(
      { name, query: queryOf(address) },
      {
        onSuccess: (view) => {
          toast({ text: `Saved as “${view.name}”` });
          onClose();
        },
      },
    );
  return (
    <FormDialog
      title="Save this view"
      action="Save the view"
      busy={save.isPending}
      disabled={!name.trim() || !projects.slug}
      onAct={act}
      onClose={onClose}
    >
      <TextField
        label="Name"
        help="Everybody in the project can open it."
        data-first
        maxLength={120}
        value={name}
        onChange={setName}
      />
      {projects.options.length > 1 && (
        <SelectField
          label="Project"
          value={projects.slug}
          options={projects.options}
          onChange={projects.setSlug}
        />
      )}
      {projects.options.length === 0 && (
        <p className="muted">You may look at your projects, but not change them.</p>
      )}
    </FormDialog>
  );
}
