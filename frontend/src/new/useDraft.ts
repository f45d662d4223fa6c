import { useCallback, useEffect, useState } from "react";
import { useSearchParams } from "wouter";
import { FIRST_PRESET, type RunDetail, usePresets, useRun } from "@/api/queries";
import { differences, type Table, withoutAt } from "@/config/nested";
import { type Draft, EMPTY } from "./draft";

/**
 * The draft that the address asks for: `?preset=`, or `?from=` a run, and `&checkpoint=` one of its
 * checkpoints; or that draft as it was left in this tab, until it is started or begun anew. Null
 * until what it is made from has arrived.
 */
export function useDraft(): {
  draft: Draft | null;
  put: (draft: Draft) => void;
  /** Null where nothing was changed. */
  beginAnew: (() => void) | null;
  /** The draft was started. */
  forget: () => void;
  error: Error | null;
} {
  const [params] = useSearchParams();
  const from = Number(params.get("from")) || null;
  const checkpoint = Number(params.get("checkpoint")) || null;
  const wanted = params.get("preset");
  const presets = usePresets();
  const source = useRun(from);
  const kept = `draft ${from} ${checkpoint} ${wanted}`;
  const [draft, setDraft] = useState(() => readDraft(kept));
  const [changed, setChanged] = useState(draft !== null);
  const put = (next: Draft) => {
    sessionStorage.setItem(kept, JSON.stringify(next));
    setDraft(next);
    setChanged(true);
  };
  const forget = useCallback(() => sessionStorage.removeItem(kept), [kept]);
  const beginAnew = () => {
    forget();
    setDraft(null);
    setChanged(false);
  };

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

  const error = presets.error ?? source.error;
  return { draft, put, beginAnew: changed ? beginAnew : null, forget, error };
}

function readDraft(key: string): Draft | null {
  const text = sessionStorage.getItem(key);
  return text === null ? null : (JSON.parse(text) as Draft);
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
