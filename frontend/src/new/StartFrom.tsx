import { useState } from "react";
import { useCheckpoints, useRunList } from "@/api/queries";
import { SelectField } from "@/ui/Field";
import { formatBytes } from "@/ui/format";
import type { Draft } from "./draft";

interface StartFromProps {
  start: Draft["start"];
  problem: string | undefined;
  onChange: (start: Draft["start"]) => void;
}

const BASE = "";

/** The base model, or a checkpoint of any run one may see. */
export function StartFrom({ start, problem, onChange }: StartFromProps) {
  const [run, setRun] = useState<number | null>(start?.run ?? null);
  const runs = useRunList({});
  const checkpoints = useCheckpoints(run);
  const found = (runs.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (each) => each.step > 0,
  );
  const listed = run === null || found.some((each) => each.id === run);
  const choose = (id: string) => {
    setRun(id === BASE ? null : Number(id));
    onChange(null);
  };
  return (
    <>
      <SelectField
        label="Start from"
        help="The weights that training begins with."
        value={run === null ? BASE : String(run)}
        options={[
          { value: BASE, label: "The base model" },
          ...(listed ? [] : [{ value: String(run), label: `Run #${run}` }]),
          ...found.map((each) => ({
            value: String(each.id),
            label: `#${each.id} ${each.name}`,
          })),
        ]}
        onChange={choose}
      />
      {run !== null && (
        <SelectField
          label="Checkpoint"
          problem={problem}
          help={checkpoints.data?.length === 0 ? "This run has no checkpoint yet." : undefined}
          value={String(start?.checkpoint ?? BASE)}
          options={[
            { value: BASE, label: "Choose one" },
            ...(checkpoints.data ?? []).map((checkpoint) => ({
              value: String(checkpoint.id),
              label: `step ${checkpoint.step} · ${formatBytes(checkpoint.bytes)}`,
            })),
          ]}
          onChange={(id) => onChange(id === BASE ? null : { run, checkpoint: Number(id) })}
        />
      )}
    </>
  );
}
