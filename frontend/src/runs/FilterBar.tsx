import { usePresets } from "@/api/queries";
import { FilterChip } from "@/ui/Chip";
import styles from "./FilterBar.module.css";
import { type RunFilters, STATE_CHIPS, toggleStates } from "./filters";

interface FilterBarProps {
  filters: RunFilters;
  onChange: (change: Partial<RunFilters>) => void;
}

/** States and presets as chips; what the address filters otherwise is shown, to be taken off. */
export function FilterBar({ filters, onChange }: FilterBarProps) {
  const presets = usePresets().data ?? [];
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
    </fieldset>
  );
}
