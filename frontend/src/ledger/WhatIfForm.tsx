import { type FormEvent, useState } from "react";
import { asProblem } from "@/api/problem";
import { Button } from "@/ui/Button";
import { SuggestField, TextField } from "@/ui/Field";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";
import { useReference, useWhatIf } from "./queries";
import { Ranges } from "./Ranges";

interface WhatIfFormProps {
  runId: number;
  /** What it runs on, to begin with. */
  device: string;
  devices: number;
}

const FIELDS = new Set(["device_model", "devices", "per_hour", "relative_speed"]);

/** What all the run's steps would take on other devices, at another price. */
export function WhatIfForm({ runId, device, devices }: WhatIfFormProps) {
  const [draft, setDraft] = useState({ device, devices: String(devices), price: "", speed: "" });
  const ask = useWhatIf(runId);
  const published = useReference().data?.published ?? [];
  const known = [...new Set([device, ...published.map((row) => row.device_model)])];
  const errors = ask.error ? asProblem(ask.error).errors : [];
  const problemAt = (path: string) => errors.find((each) => each.path === path)?.message;
  const other = ask.error && !errors.some(({ path }) => FIELDS.has(path));
  const set = (change: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...change }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    ask.mutate({
      device_model: draft.device,
      devices: Number(draft.devices),
      currency: "USD",
      ...(draft.price && { per_hour: draft.price }),
      ...(draft.speed && { relative_speed: Number(draft.speed) }),
    });
  };
  return (
    <section className={table.section}>
      <h3>What would it cost elsewhere?</h3>
      <form className={styles.form} onSubmit={submit} noValidate>
        <SuggestField
          label="Device model"
          problem={problemAt("device_model")}
          suggestions={known}
          value={draft.device}
          onChange={(device) => set({ device })}
        />
        <TextField
          label="Devices"
          problem={problemAt("devices")}
          type="number"
          min={1}
          step={1}
          value={draft.devices}
          onChange={(devices) => set({ devices })}
        />
        <TextField
          label="Price of one"
          unit="USD/h"
          problem={problemAt("per_hour")}
          type="number"
          min={0}
          step="any"
          placeholder="by the price book"
          value={draft.price}
          onChange={(price) => set({ price })}
        />
        <TextField
          label="Relative speed"
          unit="× as fast"
          problem={problemAt("relative_speed")}
          type="number"
          min={0}
          step="any"
          placeholder="by data sheets"
          value={draft.speed}
          onChange={(speed) => set({ speed })}
        />
        <Button kind="primary" type="submit" busy={ask.isPending}>
          Estimate
        </Button>
      </form>
      {other && (
        <p role="alert" className={styles.problem}>
          {asProblem(ask.error).message}
        </p>
      )}
      {ask.data && (
        <div role="status" className={styles.answer}>
          <Ranges
            seconds={ask.data.seconds}
            hours={ask.data.device_hours}
            micros={ask.data.micros}
            currency={ask.data.currency}
            assumptions={ask.data.assumptions}
          />
        </div>
      )}
    </section>
  );
}
