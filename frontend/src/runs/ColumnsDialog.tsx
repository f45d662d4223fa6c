import { useState } from "react";
import { useRunColumns } from "@/api/queries";
import { helpOf } from "@/charts/seriesHelp";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { TextField } from "@/ui/Field";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./ColumnsDialog.module.css";
import { MOST_COLUMNS } from "./filters";

interface ColumnsDialogProps {
  chosen: readonly string[];
  onChange: (columns: string[]) => void;
  onClose: () => void;
}

/** Which metrics have a column of their own in the list of runs. */
export default function ColumnsDialog({ chosen, onChange, onClose }: ColumnsDialogProps) {
  const [search, setSearch] = useState("");
  const query = useRunColumns();
  const known = [...new Set([...chosen, ...(query.data ?? [])])];
  const found = known.filter((name) => name.toLowerCase().includes(search.toLowerCase()));
  const full = chosen.length >= MOST_COLUMNS;
  const toggle = (name: string) =>
    onChange(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  return (
    <Dialog
      title="Columns"
      onClose={onClose}
      actions={
        <>
          <Button disabled={chosen.length === 0} onClick={() => onChange([])}>
            Clear
          </Button>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </>
      }
    >
      <TextField
        label="Metrics"
        help={`Up to ${MOST_COLUMNS}, beside those that are always there; on a phone none are shown.`}
        data-first
        type="search"
        placeholder="kl, entropy, …"
        value={search}
        onChange={setSearch}
      />
      {query.isError && <ErrorState error={query.error} onRetry={() => void query.refetch()} />}
      {query.isPending ? (
        <SkeletonLines lines={6} height={28} />
      ) : (
        <ul className={styles.metrics} aria-label="Metrics">
          {found.map((name) => (
            <li key={name}>
              <label title={helpOf(name) || undefined}>
                <input
                  type="checkbox"
                  checked={chosen.includes(name)}
                  disabled={full && !chosen.includes(name)}
                  onChange={() => toggle(name)}
                />
                {name}
              </label>
            </li>
          ))}
          {found.length === 0 && <li className="muted">No run has told such a metric lately.</li>}
        </ul>
      )}
    </Dialog>
  );
}
