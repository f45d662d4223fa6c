import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartSpec } from "./catalogue";
import { useChartColours } from "./colours";
import { drawEdges } from "./edges";
import { drawEndLabels, drawPin } from "./endLabels";
import type { Extent } from "./extent";
import { useChartGroup } from "./group";
import styles from "./Plot.module.css";
import type { Cell, PlotData } from "./plotData";
import { plotOptions } from "./plotOptions";

interface PlotProps {
  spec: ChartSpec;
  data: PlotData;
  extent: Extent;
  log: boolean;
  height: number;
  /** Said to screen readers in place of the picture. */
  label: string;
  /** Index into data.x under the cursor, on this chart or on any of its group. */
  onCursor: (index: number | null) => void;
}

/** One uPlot chart, kept alive while only its data change. */
export function Plot(props: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(null);
  const colours = useChartColours();
  const group = useChartGroup();
  const latest = useRef({ ...props, group, colours });
  latest.current = { ...props, group, colours };

  const { spec, data, extent, log, height } = props;
  const { axis, logX } = { axis: group.clock.axis, logX: group.view.logX };
  const shape = JSON.stringify([data.lines, log, axis, logX]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for lines, scales and axis
  useEffect(() => {
    const place = box.current;
    if (!place) return;
    const now = () => latest.current;
    const options = plotOptions(
      { spec, lines: data.lines, axis, log, logX, sync: axis },
      colours,
      { width: place.clientWidth, height },
      {
        range: () => now().group.range,
        extent: () => now().extent,
        onDraw: (plot) => {
          const { group: current } = now();
          drawEndLabels(plot, now().data, spec, colours);
          drawEdges(plot, now().data.broken, now().extent.outside, colours);
          drawPin(
            plot,
            current.pinned === null ? null : current.clock.placeOf(current.pinned),
            colours,
          );
        },
        onCursor: (index) => now().onCursor(index),
        onZoom: (range) => now().group.onZoom(range),
      },
    );
    const plot = new uPlot(options, aligned(now().data, log), place);
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
    chart.current?.setData(aligned(data, log));
  }, [data, log, extent, from, to]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the pin is read while drawing
  useEffect(() => {
    chart.current?.redraw(false, false);
  }, [group.pinned]);

  return (
    <div ref={box} role="img" aria-label={props.label} className={styles.plot} style={{ height }} />
  );
}

/** A logarithm has no place for what is not above 0. */
function aligned(data: PlotData, log: boolean): uPlot.AlignedData {
  const columns = log
    ? data.drawn.map((column) => column.map((cell) => (isBelow(cell) ? null : cell)))
    : data.drawn;
  return [data.x, ...columns];
}

function isBelow(cell: Cell): boolean {
  return typeof cell === "number" && cell <= 0;
}
