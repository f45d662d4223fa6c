import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { classes } from "@/ui/classes";
import type { ChartSpec } from "./catalogue";
import type { ChartColours } from "./colours";
import { drawMarks } from "./drawMarks";
import { drawEdges } from "./edges";
import { drawEndLabels, drawPin } from "./endLabels";
import type { Extent } from "./extent";
import type { PlotGroup } from "./group";
import type { PlacedMark } from "./marks";
import styles from "./Plot.module.css";
import { isShown, type PlotData } from "./plotData";
import { plotOptions } from "./plotOptions";

interface PlotProps {
  group: PlotGroup;
  colours: ChartColours;
  spec: ChartSpec;
  data: PlotData;
  extent: Extent;
  /** Those within the range. */
  marks: readonly PlacedMark[];
  log: boolean;
  height: number;
  /** Said to screen readers in place of the picture. */
  label: string;
  /** Index into data.x under the cursor, on this chart or on any of its group. */
  onCursor: (index: number | null) => void;
  /** Label of the line that the others step back behind, and what happens when one is pointed at;
   * left out where lines are few. */
  focused?: string | null;
  onFocus?: (label: string | null) => void;
}

/** One uPlot chart, kept alive while only its data change. */
export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const [near, setNear] = useState<Near | null>(null);
  const { group, colours } = props;
  const latest = useRef(props);
  latest.current = props;

  const { spec, data, extent, log, height } = props;
  const { axis, logX } = { axis: group.clock.axis, logX: group.view.logX };
  const shape = JSON.stringify([data.lines, log, axis, logX]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for lines, scales and axis
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const now = () => latest.current;
    const options = plotOptions(
      { spec, lines: data.lines, axis, log, logX, sync: axis, focuses: Boolean(now().onFocus) },
      colours,
      { width: place.clientWidth, height },
      {
        range: () => now().group.range,
        extent: () => now().extent,
        onDraw: (plot) => {
          const { group: current } = now();
          drawMarks(plot, now().marks, colours);
          drawEndLabels(plot, now().data, spec, colours);
          drawEdges(plot, now().data.broken, now().extent.outside, colours);
          drawPin(
            plot,
            current.pinned === null ? null : current.clock.placeOf(current.pinned),
            colours,
          );
        },
        onCursor: (plot) => {
          now().onCursor(plot.cursor.idx ?? null);
          setNear((before) => sameOr(before, marksNear(plot, now().marks)));
        },
        onZoom: (range) => now().group.onZoom(range),
        onFocus: (index) => now().onFocus?.(now().data.lines[index - 1]?.label ?? null),
      },
    );
    const plot = new uPlot(options, columnsOf(now().data), place);
    chart.current = plot;
    plot.over.addEventListener("click", () => {
      const x = now().data.x[plot.cursor.idx ?? -1];
      if (x !== undefined) now().group.onPin(Math.round(now().group.clock.stepAt(x)));
    });
    const resize = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height }));
    resize.observe(place);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [shape, colours, height]);

  const [from, to] = group.range;
  // biome-ignore lint/correctness/useExhaustiveDependencies: ranges are read when data are set
  useEffect(() => {
    chart.current?.setData(columnsOf(data));
  }, [data, extent, from, to]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: pin and marks are read while drawing
  useEffect(() => {
    chart.current?.redraw(false, false);
  }, [group.pinned, props.marks]);

  const { focused = null } = props;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new plot has to be told again
  useEffect(() => {
    const index = data.lines.findIndex((line) => line.label === focused && isShown(line));
    const series = (index < 0 ? null : index + 1) as number; // null, for none, is missing in its types
    if (props.onFocus) chart.current?.setSeries(series, { focus: true }, false);
  }, [focused, shape, colours, height]);

  return (
    <>
      <div
        ref={box}
        role="img"
        aria-label={props.label}
        className={styles.plot}
        style={{ height }}
      />
      {near && (
        <p
          className={classes(styles.near, near.atRight && styles.nearRight)}
          style={near.atRight ? { right: near.px } : { left: near.px }}
        >
          {near.words}
        </p>
      )}
    </>
  );
}

/** Words of the marks under the cursor, and how far they stand from that side of the plot. */
interface Near {
  words: string;
  px: number;
  atRight: boolean;
}

const NEAR_PX = 6;
const MOST_WORDS = 3;

/** Of the chart that the cursor is on; the others of its group only share its step. */
function marksNear(plot: uPlot, marks: readonly PlacedMark[]): Near | null {
  const { left = -1 } = plot.cursor;
  if (left < 0 || !plot.over.matches(":hover")) return null;
  const near = marks.filter(({ place }) => Math.abs(plot.valToPos(place, "x") - left) <= NEAR_PX);
  if (near.length === 0) return null;
  const more = near.length > MOST_WORDS ? [`and ${near.length - MOST_WORDS} more`] : [];
  const words = [...near.slice(0, MOST_WORDS).map((mark) => mark.words), ...more].join("\n");
  const { offsetLeft, offsetWidth } = plot.over;
  const atRight = left > offsetWidth / 2;
  const fromLeft = offsetLeft + left + NEAR_PX * 2;
  const px = atRight ? plot.width - offsetLeft - left + NEAR_PX * 2 : fromLeft;
  return { words, px: Math.round(px), atRight };
}

/** The state before where nothing is different, so that moving the mouse draws nothing. */
function sameOr(before: Near | null, now: Near | null): Near | null {
  return before?.words === now?.words && before?.px === now?.px ? before : now;
}

function columnsOf(data: PlotData): uPlot.AlignedData {
  return [data.x, ...data.drawn];
}
