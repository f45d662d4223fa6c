import { useState } from "react";
import { Button } from "@/ui/Button";
import { ButtonLink } from "@/ui/ButtonLink";
import { Select } from "@/ui/Field";
import { EmptyState } from "@/ui/Message";
import { AddRuns } from "./AddRuns";
import styles from "./NothingChosen.module.css";
import { useMyProjects } from "./useMyProjects";
import { ViewList } from "./ViewList";

/** Where a comparison begins: with runs, or with a saved view. `gone`: those asked for are not there. */
export function NothingChosen({ gone = false }: { gone?: boolean }) {
  const [adding, setAdding] = useState(false);
  const projects = useMyProjects();
  return (
    <>
      <EmptyState
        title={gone ? "These runs are not there" : "Choose runs to compare"}
        action={
          <>
            <Button kind="primary" onClick={() => setAdding(true)}>
              Choose runs
            </Button>
            <ButtonLink href="/cost">Cost against quality</ButtonLink>
          </>
        }
      >
        {gone
          ? "They were deleted, or belong to a project that you are not in."
          : "Choose them here, or select some in the list of runs and press c."}
      </EmptyState>
      {projects.slug && (
        <section className={styles.views} aria-label="Saved views">
          <div className={styles.head}>
            <h2>Saved views</h2>
            {projects.options.length > 1 && (
              <Select
                aria-label="Project"
                value={projects.slug}
                options={projects.options}
                onChange={projects.setSlug}
              />
            )}
          </div>
          <ViewList slug={projects.slug} mayChange={projects.mayChange} />
        </section>
      )}
      {adding && <AddRuns onClose={() => setAdding(false)} />}
    </>
  );
}
