import { Columns3, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { usePresets } from "@/api/queries";
import { Button } from "@/ui/Button";
import { FilterChip } from "@/ui/Chip";
import styles from "./FilterBar.module.css";
import { type RunFilters, STATE_CHIPS, toggleStates } from "./filters";

const ColumnsDialog = lazy(() => import("./ColumnsDialog"));
const ConditionDialog = lazy(() => import("./ConditionDialog"));

interface FilterBarProps {
  filters: RunFilters;
  onChange: (change: Partial<RunFilters>) => void;
}

/** States and presets as chips; what the address filters otherwise is shown, to be taken off. */
export function FilterBar({ filters, onChange }: FilterBarProps) {
  const presets = usePresets().data ?? [];
  const [open, setOpen] = useState<"columns" | "condition" | null>(null);
  const close = () => setOpen(null);
  const others = (["q", "owner", "tag"] as const).filter((key) => filters[key]);
  return (
    <fieldset className={styles.bar}>
      <legend className="visually-hidden">Filters</legend>
      {STATE_CHIPS.map(({ label, states }) => (
        <FilterChip
          key={label}
          on={states.every((state) => filters.states.includes(state))}
          onToggle={() => onChange({ states: toggleStates(filters.states, states) })}
        >
          {label}
        </FilterChip>
      ))}
      {presets.length > 0 && <span className={styles.divider} />}
      {presets.map(({ name }) => (
        <FilterChip
          key={name}
          on={filters.preset === name}
          onToggle={() => onChange({ preset: filters.preset === name ? "" : name })}
        >
          {name}
        </FilterChip>
      ))}
      {others.map((key) => (
        <FilterChip key={key} on onToggle={() => onChange({ [key]: "" })}>
          {key === "q" ? "search" : key}: {filters[key]}
        </FilterChip>
      ))}
      {filters.where.map((condition) => (
        <FilterChip
          key={condition}
          on
          onToggle={() => onChange({ where: filters.where.filter((one) => one !== condition) })}
        >
          {condition}
        </FilterChip>
      ))}
      <Button small kind="quiet" icon={<Plus size={12} />} onClick={() => setOpen("condition")}>
        Condition
      </Button>
      <Button
        small
        kind="quiet"
        icon={<Columns3 size={12} />}
        className={styles.columns}
        onClick={() => setOpen("columns")}
      >
        Columns
      </Button>
      <Suspense>
        {open === "columns" && (
          <ColumnsDialog
            chosen={filters.columns}
            onChange={(columns) => onChange({ columns })}
            onClose={close}
          />
        )}
        {open === "condition" && (
          <ConditionDialog
            onAdd={(condition) => {
              onChange({ where: [...new Set([...filters.where, condition])] });
              close();
            }}
            onClose={close}
          />
        )}
      </Suspense>
    </fieldset>
  );
}
