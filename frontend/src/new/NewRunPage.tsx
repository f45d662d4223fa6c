import { Play } from "lucide-react";
import { useMemo } from "react";
import { useLocation, useSearchParams } from "wouter";
import { useConfigSchema, usePresets } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { controlsOf, groupsOf, initialConfig } from "@/config/form";
import { laidOver, type Table } from "@/config/nested";
import { stageGroups } from "@/config/stages";
import { PreemptibleField } from "@/queue/PreemptibleField";
import { Button } from "@/ui/Button";
import { SelectField, TextField } from "@/ui/Field";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Tabs } from "@/ui/Tabs";
import { useToast } from "@/ui/toast";
import { ConfigForm, problemAt } from "./ConfigForm";
import { ConfigPaste } from "./ConfigPaste";
import type { Draft } from "./draft";
import styles from "./NewRunPage.module.css";
import { PipelineField } from "./PipelineField";
import { StartFrom } from "./StartFrom";
import { Summary } from "./Summary";
import { useDraft } from "./useDraft";
import { useStart } from "./useStart";
import { useValidation } from "./useValidation";

/** Puts a run together: a preset, what differs from it, and where it starts. */
export default function NewRunPage() {
  usePageTitle("New run", "Runs", "/");
  const { draft, error: failed, ...ways } = useDraft();
  const schema = useConfigSchema();
  const error = failed ?? schema.error;
  if (error) return <ErrorState error={error} onRetry={() => window.location.reload()} />;
  if (!draft || !schema.data) return <SkeletonLines lines={10} height={56} />;
  return <NewRun draft={draft} schema={schema.data as Table} {...ways} />;
}

interface NewRunProps {
  draft: Draft;
  schema: Table;
  put: (draft: Draft) => void;
  beginAnew: (() => void) | null;
  forget: () => void;
}

const VIEWS = [
  { key: "form", label: "Form" },
  { key: "text", label: "TOML or JSON" },
] as const;

function NewRun({ draft, schema, put: onChange, beginAnew, forget }: NewRunProps) {
  const [view, setView] = useView();
  const toast = useToast();
  const [, navigate] = useLocation();
  const presets = usePresets().data ?? [];
  const preset = presets.find((each) => each.name === draft.preset);
  const base = useMemo(
    () => (preset?.config as Table | undefined) ?? initialConfig(schema),
    [preset, schema],
  );
  const groups = useMemo(
    () => [
      ...stageGroups(schema, base, draft.overrides),
      ...groupsOf(schema, laidOver(base, draft.overrides)),
    ],
    [schema, base, draft.overrides],
  );
  const validation = useValidation(draft);
  const start = useStart(draft, base);
  const problems = [...(validation.data?.problems ?? []), ...start.problems];
  const shown = [
    "name",
    "tags",
    "checkpoint",
    ...groups
      .flatMap(({ fields, others = [] }) => controlsOf([...fields, ...others]))
      .map((field) => field.path),
  ];
  const others = problems.filter((each) => !shown.some((path) => problemAt([each], path)));

  return (
    <form
      className={styles.page}
      onSubmit={(event) => {
        event.preventDefault();
        start.go((run) => {
          forget();
          navigate(`/runs/${run.id}`);
        });
      }}
    >
      <div className={`panel ${styles.left}`}>
        <Basics draft={draft} problems={problems} presets={presets} onChange={onChange} />
        <div className={styles.views}>
          <Tabs
            label="Settings"
            tabs={VIEWS}
            selected={view}
            onSelect={setView}
            panel="new-run-settings"
          />
        </div>
        <div id="new-run-settings" role="tabpanel">
          {view === "form" ? (
            <>
              <PipelineField base={base} draft={draft} onChange={onChange} />
              <ConfigForm
                groups={groups}
                base={base}
                draft={draft}
                problems={problems}
                onChange={onChange}
              />
            </>
          ) : (
            <ConfigPaste base={base} draft={draft} onChange={onChange} />
          )}
        </div>
      </div>
      <aside className={`panel ${styles.right}`} aria-label="What it comes to">
        <div className={styles.summary}>
          <Summary validation={validation.data} problems={view === "text" ? problems : others} />
        </div>
        <Button
          type="submit"
          kind="primary"
          icon={<Play size={14} />}
          busy={start.isPending}
          disabled={!validation.data?.valid}
        >
          Start the run
        </Button>
        {beginAnew && (
          <Button
            kind="quiet"
            onClick={() => {
              beginAnew();
              toast({
                text: "The form is as it was at first.",
                action: { label: "Undo", run: () => onChange(draft) },
              });
            }}
          >
            Begin anew
          </Button>
        )}
      </aside>
    </form>
  );
}

/** Form or text, as the address says. */
function useView(): ["form" | "text", (view: "form" | "text") => void] {
  const [params, setParams] = useSearchParams();
  const choose = (view: "form" | "text") =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        if (view === "text") next.set("view", view);
        else next.delete("view");
        return next;
      },
      { replace: true },
    );
  return [params.get("view") === "text" ? "text" : "form", choose];
}

interface BasicsProps {
  draft: Draft;
  problems: Parameters<typeof problemAt>[0];
  presets: readonly { name: string; description: string }[];
  onChange: (draft: Draft) => void;
}

function Basics({ draft, problems, presets, onChange }: BasicsProps) {
  const options = presets.map(({ name }) => ({ value: name, label: name }));
  return (
    <div className={styles.basics}>
      <SelectField
        label="Preset"
        help={presets.find(({ name }) => name === draft.preset)?.description}
        value={draft.preset}
        options={[...options, { value: "", label: "None: the defaults" }]}
        onChange={(preset) =>
          onChange({
            ...draft,
            preset,
            name: draft.name === draft.preset ? preset : draft.name,
          })
        }
      />
      <TextField
        label="Name"
        problem={problemAt(problems, "name")}
        value={draft.name}
        onChange={(name) => onChange({ ...draft, name })}
      />
      <TextField
        label="Tags"
        help="Separated by commas."
        problem={problemAt(problems, "tags")}
        value={draft.tags}
        onChange={(tags) => onChange({ ...draft, tags })}
      />
      <StartFrom
        start={draft.start}
        problem={problemAt(problems, "checkpoint")}
        onChange={(start) => onChange({ ...draft, start })}
      />
      <PreemptibleField
        value={draft.preemptible}
        onChange={(preemptible) => onChange({ ...draft, preemptible })}
      />
    </div>
  );
}
