import { useEffect, useRef } from "react";
import { type EChartsType, init } from "./echarts";

interface EChartProps {
  option: Record<string, unknown>;
  height: number;
  /** Said to screen readers in place of the picture. */
  label: string;
  /** Dragging over it draws a rectangle. */
  brushes?: boolean;
  /** Called once with each new chart, to listen to it. */
  onReady: (chart: EChartsType) => void;
}

/** One chart, kept alive while only what it shows changes. */
export function EChart({ option, height, label, brushes = false, onReady }: EChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(null);
  const ready = useRef(onReady);
  ready.current = onReady;
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current);
    chart.current = made;
    ready.current(made);
    const resize = new ResizeObserver(() => made.resize());
    resize.observe(box.current);
    return () => {
      resize.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(option, { notMerge: true });
    const brushOption = { brushType: "rect", brushMode: "single" };
    if (brushes) {
      chart.current?.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption });
    }
  }, [option, brushes]);
  return <div ref={box} role="img" aria-label={label} style={{ height }} />;
}
