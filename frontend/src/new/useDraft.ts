import { useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { FIRST_PRESET, type RunDetail, usePresets, useRun } from "@/api/queries";
import { differences, type Table, withoutAt } from "@/config/nested";
import { type Draft, EMPTY } from "./draft";

/**
 * The draft that the address asks for: `?preset=`, or `?from=` a run, and `&checkpoint=` one of its
 * checkpoints. Null until what it is made from has arrived.
 */
export function useDraft(): [Draft | null, (draft: Draft) => void, Error | null] {
  const [params] = useSearchParams();
  const from = Number(params.get("from")) || null;
  const checkpoint = Number(params.get("checkpoint")) || null;
  const wanted = params.get("preset");
  const presets = usePresets();
  const source = useRun(from);
  const [draft, setDraft] = useState<Draft | null>(null);

  useEffect(() => {
    if (draft || !presets.data || (from && !source.data)) return;
    const named = (name: string | null) => presets.data.find((each) => each.name === name);
    const preset = named(wanted) ?? named(FIRST_PRESET) ?? presets.data[0];
    if (!source.data) {
      setDraft({ ...EMPTY, preset: preset?.name ?? "", name: preset?.name ?? "" });
      return;
    }
    setDraft(draftOf(source.data, checkpoint));
  }, [draft, presets.data, source.data, from, checkpoint, wanted]);

  return [draft, setDraft, presets.error ?? source.error];
}

/** The run again, from one of its checkpoints or from where it started itself. */
function draftOf(run: RunDetail, checkpoint: number | null): Draft {
  const overrides = differences(run.config as Table, (run.preset_config ?? {}) as Table);
  const origin = run.start_checkpoint;
  const own = checkpoint ? { run: run.id, checkpoint } : null;
  const start = own ?? (origin ? { run: origin.run, checkpoint: origin.id } : null);
  return {
    preset: run.preset,
    name: run.name,
    tags: run.tags.join(", "),
    preemptible: run.preemptible,
    overrides: start ? withoutAt(overrides, "model.path") : overrides,
    start,
  };
}
