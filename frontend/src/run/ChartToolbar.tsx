import { ZoomOut } from "lucide-react";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { SMOOTHINGS } from "./address";
import styles from "./ChartToolbar.module.css";
import type { TabProps } from "./RunPage";

const SPANS = SMOOTHINGS.map((span) => ({
  value: String(span),
  label: span === 0 ? "No smoothing" : `Smooth over ${span} steps`,
}));

const AXES = [
  { axis: "step", label: "Step" },
  { axis: "time", label: "Time" },
] as const;

interface ChartToolbarProps extends Pick<TabProps, "address" | "go"> {
  zoomed: boolean;
  onZoomOut: () => void;
}

export function ChartToolbar({ address, go, zoomed, onZoomOut }: ChartToolbarProps) {
  return (
    <div className={styles.bar}>
      <fieldset className={styles.axes}>
        <legend className="visually-hidden">Axis</legend>
        {AXES.map(({ axis, label }) => (
          <button
            key={axis}
            type="button"
            aria-pressed={address.axis === axis}
            className={classes(styles.axis, address.axis === axis && styles.on)}
            onClick={() => go({ axis })}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <Select
        aria-label="Smoothing"
        value={String(address.smoothing)}
        options={SPANS}
        onChange={(span) => go({ smoothing: Number(span) })}
      />
      {zoomed ? (
        <Button small icon={<ZoomOut size={14} />} onClick={onZoomOut}>
          Whole run
        </Button>
      ) : (
        <span className={styles.hint}>Drag to zoom, click to pin a step</span>
      )}
    </div>
  );
}
