import { useState } from "react";
import { messageAt } from "@/api/problem";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { SelectField, TextField } from "@/ui/Field";
import { type Price, useAddPrice } from "./queries";

const TENURES = [
  { value: "rented", label: "Rented" },
  { value: "owned", label: "Owned" },
] as const;

/** Adds a price to the book. */
export function PriceDialog({ onClose }: { onClose: () => void }) {
  const [draft, setDraft] = useState({
    device_model: "",
    per_hour: "",
    currency: "USD",
    tenure: "rented" as Price["tenure"],
    valid_from: new Date().toISOString().slice(0, 10),
    note: "",
  });
  const add = useAddPrice();
  const problemAt = (path: string) => messageAt(add.error, path);
  const set = (change: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...change }));
  return (
    <Dialog
      title="New price"
      onClose={onClose}
      actions={
        <DialogActions
          action="Add the price"
          busy={add.isPending}
          onAct={() => add.mutate(draft, { onSuccess: onClose })}
          onClose={onClose}
        />
      }
    >
      <TextField
        label="Device model"
        help="As the ledger names it, such as NVIDIA H800, or CPU slot."
        problem={problemAt("device_model")}
        data-first
        value={draft.device_model}
        onChange={(device_model) => set({ device_model })}
      />
      <TextField
        label="An hour costs"
        problem={problemAt("per_hour")}
        inputMode="decimal"
        value={draft.per_hour}
        onChange={(per_hour) => set({ per_hour })}
      />
      <TextField
        label="Currency"
        help="Three letters, as in ISO 4217."
        problem={problemAt("currency")}
        value={draft.currency}
        onChange={(currency) => set({ currency: currency.toUpperCase() })}
      />
      <SelectField
        label="Tenure"
        help="Owned: what its use is reckoned at."
        problem={problemAt("tenure")}
        value={draft.tenure}
        options={TENURES}
        onChange={(tenure) => set({ tenure })}
      />
      <TextField
        label="Valid from"
        help="A UTC day. What was booked since then costs this, too."
        problem={problemAt("valid_from")}
        type="date"
        value={draft.valid_from}
        onChange={(valid_from) => set({ valid_from })}
      />
      <TextField
        label="Note"
        problem={problemAt("note")}
        value={draft.note}
        onChange={(note) => set({ note })}
      />
    </Dialog>
  );
}
