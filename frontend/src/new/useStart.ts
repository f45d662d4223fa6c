import { useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { useCreateRun, useForkRun, usePatchRun } from "@/api/actions";
import { asProblem, type FieldProblem } from "@/api/problem";
import type { RunDetail } from "@/api/queries";
import { laidOver, type Table, withoutAt } from "@/config/nested";
import { uniqueId } from "@/ui/uniqueId";
import { type Draft, tagsOf } from "./draft";

interface Start {
  go: (done: (run: RunDetail) => void) => void;
  isPending: boolean;
  /** What the server refused when it was last asked to start. */
  problems: readonly FieldProblem[];
}

/** Starts the draft: as a fork when it begins at a checkpoint of the run it was made from. */
export function useStart(draft: Draft, base: Table): Start {
  const [params] = useSearchParams();
  const create = useCreateRun();
  const fork = useForkRun();
  const edit = usePatchRun();
  const isFork = draft.start !== null && draft.start.run === Number(params.get("from"));
  const content = JSON.stringify(draft);
  // The same draft sent twice starts one run; a changed one is another request.
  const sent = useRef({ content: "", key: "" });
  const [refused, setRefused] = useState({ content: "", problems: [] as readonly FieldProblem[] });

  const send = async (): Promise<RunDetail> => {
    const { name, start, preemptible } = draft;
    const tags = tagsOf(draft);
    const checkpoint = start?.checkpoint ?? null;
    if (start && isFork) {
      const config = withoutAt(laidOver(base, draft.overrides), "model.path");
      const run = await fork.mutateAsync({ id: start.run, body: { name, checkpoint, config } });
      const same = run.tags.join() === tags.join() && run.preemptible === preemptible;
      return same ? run : edit.mutateAsync({ id: run.id, tags, preemptible });
    }
    const config = checkpoint ? withoutAt(draft.overrides, "model.path") : draft.overrides;
    const body = { preset: draft.preset || null, name, config, checkpoint, tags, preemptible };
    if (sent.current.content !== content) sent.current = { content, key: uniqueId() };
    return create.mutateAsync({ body, key: sent.current.key });
  };
  return {
    go: (done) => {
      send().then(done, (error: unknown) =>
        setRefused({ content, problems: asProblem(error).errors }),
      );
    },
    isPending: create.isPending || fork.isPending || edit.isPending,
    problems: refused.content === content ? refused.problems : [],
  };
}
