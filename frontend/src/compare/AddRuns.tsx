import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { keys } from "@/api/queries";
import { Dialog } from "@/ui/Dialog";
import { DialogActions } from "@/ui/DialogActions";
import { TextField } from "@/ui/Field";
import { plural } from "@/ui/format";
import { StateBadge } from "@/ui/StateBadge";
import { useDebounced } from "@/ui/useDebounced";
import styles from "./AddRuns.module.css";
import { useAddress } from "./address";
import { parseRuns } from "./runNumbers";

const LISTED = 50;

/** Finds runs by name, preset, owner or tag, or takes their numbers as they are. */
export function AddRuns({ onClose }: { onClose: () => void }) {
  const [address, go] = useAddress();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<number[]>([]);
  const q = useDebounced(text.trim(), 200);
  const numbers = parseRuns(text);
  const list = useQuery({
    queryKey: [...keys.runs, "found", q],
    queryFn: () => unwrap(api.GET("/api/v1/runs", { params: { query: { q, limit: LISTED } } })),
  });
  const found = list.data?.items.filter((run) => !address.runs.includes(run.id)) ?? [];
  const added = [...new Set([...chosen, ...numbers])].filter((id) => !address.runs.includes(id));
  const toggle = (id: number) =>
    setChosen(chosen.includes(id) ? chosen.filter((other) => other !== id) : [...chosen, id]);
  return (
    <Dialog
      title="Add runs"
      onClose={onClose}
      actions={
        <DialogActions
          action={added.length > 0 ? `Add ${plural(added.length, "run")}` : "Add"}
          disabled={added.length === 0}
          onAct={() => {
            go({ runs: [...address.runs, ...added] });
            onClose();
          }}
          onClose={onClose}
        />
      }
    >
      <TextField
        label="Search, or numbers"
        help="Name, preset, owner or tag; or numbers as in 12,20-29."
        data-first
        autoComplete="off"
        value={text}
        onChange={setText}
      />
      <ul className={styles.list} aria-label="Runs found">
        {found.map((run) => (
          <li key={run.id}>
            <label className={styles.run}>
              <input
                type="checkbox"
                checked={chosen.includes(run.id)}
                onChange={() => toggle(run.id)}
              />
              <span className="truncate">
                {run.name} <span className="muted">#{run.id}</span>
              </span>
              <StateBadge state={run.state} />
            </label>
          </li>
        ))}
      </ul>
      {list.isSuccess && found.length === 0 && <p className="muted">No other run fits.</p>}
    </Dialog>
  );
}
