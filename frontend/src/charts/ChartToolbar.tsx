import { ZoomOut } from "lucide-react";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { Segmented } from "@/ui/Segmented";
import { AXIS_WORDS } from "./axisWords";
import styles from "./ChartToolbar.module.css";
import type { Axis } from "./clock";
import type { Smoothing } from "./smoothing";
import type { View } from "./view";

const KINDS: Record<Smoothing["kind"], string> = {
  ema: "Moving average (EMA)",
  gaussian: "Gaussian",
  mean: "Running mean",
};

const SPANS = [2, 5, 10, 20, 50, 100, 200, 500, 1000];

interface Choice {
  address: View;
  go: (change: Partial<View>) => void;
}

interface ChartToolbarProps extends Choice {
  axes: readonly Axis[];
  /** The one that is drawn, whatever the address asks for. */
  axis: Axis;
  /** What a click on a chart does; nothing where it is left out. */
  click?: string;
}

/** How the charts of the page are drawn. */
export function ChartToolbar({ address, go, axes, axis, click }: ChartToolbarProps) {
  return (
    <div className={styles.bar}>
      <Segmented
        label="Axis"
        value={axis}
        options={axes.map((each) => ({
          value: each,
          label: AXIS_WORDS[each].label,
          title: AXIS_WORDS[each].help,
        }))}
        onChange={(axis) => go({ axis })}
      />
      <SmoothingChoice address={address} go={go} />
      <Toggle
        on={address.logX}
        title="Logarithmic horizontal axis"
        onChange={(logX) => go({ logX })}
      >
        Log axis
      </Toggle>
      <Toggle
        on={address.robust}
        title="Leave far outliers outside of the vertical range; they are marked at its edge"
        onChange={(robust) => go({ robust })}
      >
        Cut outliers
      </Toggle>
      {address.zoom ? (
        <Button small icon={<ZoomOut size={14} />} onClick={() => go({ zoom: null })}>
          Whole run
        </Button>
      ) : (
        <span className={styles.hint}>{["Drag to zoom", click].filter(Boolean).join(", ")}</span>
      )}
    </div>
  );
}

/** Kind and span of the smoothing; the raw line stays visible behind. */
function SmoothingChoice({ address, go }: Choice) {
  const { kind, span } = address.smoothing;
  const kinds = Object.entries(KINDS).map(([value, label]) => ({ value, label }));
  const spans = SPANS.includes(span) || span === 0 ? SPANS : [...SPANS, span].sort((a, b) => a - b);
  return (
    <span className={styles.smoothing}>
      <Select
        aria-label="Smoothing"
        value={span === 0 ? "none" : kind}
        options={[{ value: "none", label: "No smoothing" }, ...kinds]}
        onChange={(chosen) =>
          go({
            smoothing:
              chosen === "none"
                ? { kind, span: 0 }
                : { kind: chosen as Smoothing["kind"], span: span || 5 },
          })
        }
      />
      {span > 0 && (
        <Select
          aria-label="Span of the smoothing"
          value={String(span)}
          options={spans.map((steps) => ({
            value: String(steps),
            label: `over ${formatNumber(steps, 0)} steps`,
          }))}
          onChange={(chosen) => go({ smoothing: { kind, span: Number(chosen) } })}
        />
      )}
    </span>
  );
}

interface ToggleProps {
  on: boolean;
  title: string;
  onChange: (on: boolean) => void;
  children: string;
}

function Toggle({ on, title, onChange, children }: ToggleProps) {
  return (
    <button
      type="button"
      title={title}
      aria-pressed={on}
      className={classes(styles.toggle, on && styles.on)}
      onClick={() => onChange(!on)}
    >
      {children}
    </button>
  );
}
