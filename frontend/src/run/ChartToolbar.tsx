import { ZoomOut } from "lucide-react";
import { AXIS_WORDS } from "@/charts/axisWords";
import type { Axis } from "@/charts/clock";
import type { Smoothing } from "@/charts/smoothing";
import { Button } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { Segmented } from "@/ui/Segmented";
import styles from "./ChartToolbar.module.css";
import type { TabProps } from "./RunPage";

const KINDS: Record<Smoothing["kind"], string> = {
  ema: "Moving average (EMA)",
  gaussian: "Gaussian",
  mean: "Running mean",
};

const SPANS = [2, 5, 10, 20, 50, 100, 200, 500, 1000];

interface ChartToolbarProps extends Pick<TabProps, "address" | "go"> {
  axes: readonly Axis[];
  /** The one that is drawn, whatever the address asks for. */
  axis: Axis;
}

/** How the charts of the page are drawn. */
export function ChartToolbar({ address, go, axes, axis }: ChartToolbarProps) {
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
        <span className={styles.hint}>Drag to zoom, click to pin a step</span>
      )}
    </div>
  );
}

/** Kind and span of the smoothing; the raw line stays visible behind. */
function SmoothingChoice({ address, go }: Pick<TabProps, "address" | "go">) {
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
