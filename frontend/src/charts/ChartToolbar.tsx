import { ChevronLeft, ChevronRight, ZoomIn, ZoomOut } from "lucide-react";
import { useKeys } from "@/app/useKeys";
import { Button, IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { Select } from "@/ui/Field";
import { formatNumber } from "@/ui/format";
import { Segmented } from "@/ui/Segmented";
import { AXIS_WORDS } from "./axisWords";
import styles from "./ChartToolbar.module.css";
import type { Axis } from "./clock";
import type { Smoothing } from "./smoothing";
import type { View } from "./view";
import { closer, farther, moved, type Stretch } from "./zoom";

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
  /** All steps there are. */
  whole: Stretch;
  /** The step that is looked at, if any: zooming keeps it in sight. */
  pinned?: number | null;
  /** What a click on a chart does; nothing where it is left out. */
  click?: string;
}

/** How the charts of the page are drawn. */
export function ChartToolbar(props: ChartToolbarProps) {
  const { address, go, axes, axis } = props;
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
      <Zoom {...props} />
    </div>
  );
}

/** What dragging over a chart does as well, by buttons and keys. */
function Zoom({ address, go, whole, pinned = null, click }: ChartToolbarProps) {
  const { zoom } = address;
  const now = zoom ?? whole;
  const put = (next: [number, number] | null) => go({ zoom: next });
  const zoomIn = { keys: "+", label: "Zoom in", run: () => put(closer(now, pinned)) };
  const ways = [
    { keys: "-", label: "Zoom out", run: () => put(farther(now, whole)), Icon: ZoomOut },
    { keys: "<", label: "Earlier", run: () => put(moved(now, -1, whole)), Icon: ChevronLeft },
    { keys: ">", label: "Later", run: () => put(moved(now, 1, whole)), Icon: ChevronRight },
  ];
  const all = { keys: "0", label: "Whole run", run: () => put(null) };
  useKeys("Charts", zoom ? [zoomIn, ...ways, all] : [zoomIn]);
  return (
    <span className={styles.zoom}>
      <IconButton label="Zoom in" shortcut="+" onClick={zoomIn.run}>
        <ZoomIn size={16} />
      </IconButton>
      {zoom ? (
        <>
          {ways.map(({ keys, label, run, Icon }) => (
            <IconButton key={label} label={label} shortcut={keys} onClick={run}>
              <Icon size={16} />
            </IconButton>
          ))}
          <Button small onClick={all.run}>
            Whole run
          </Button>
        </>
      ) : (
        <span className={styles.hint}>{["Drag to zoom", click].filter(Boolean).join(", ")}</span>
      )}
    </span>
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
