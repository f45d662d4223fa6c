import { ChartSpline, Table2 } from "lucide-react";
import { IconButton } from "@/ui/Button";
import styles from "./ChartCard.module.css";
import type { ChartSpec } from "./catalogue";
import { toggled, type View } from "./view";

type Switches = Pick<View, "log" | "tables">;

interface ChartSwitchesProps {
  spec: ChartSpec;
  view: Switches;
  onView: (change: Partial<Switches>) => void;
}

/** Whether a chart may have a logarithmic scale: parts of a whole, and shares, may not. */
export function canLog(spec: ChartSpec): boolean {
  return !spec.stacked && spec.range[1] === null;
}

/** The buttons of one chart: its scale, and whether it stands there as a table. */
export function ChartSwitches({ spec, view, onView }: ChartSwitchesProps) {
  const asTable = view.tables.includes(spec.id);
  return (
    <>
      {canLog(spec) && !asTable && (
        <button
          type="button"
          className={styles.toggle}
          aria-pressed={view.log.includes(spec.id)}
          title="Logarithmic scale"
          onClick={() => onView({ log: toggled(view.log, spec.id) })}
        >
          log
        </button>
      )}
      <IconButton
        small
        label={asTable ? "Show as a chart" : "Show as a table"}
        onClick={() => onView({ tables: toggled(view.tables, spec.id) })}
      >
        {asTable ? <ChartSpline size={14} /> : <Table2 size={14} />}
      </IconButton>
    </>
  );
}
