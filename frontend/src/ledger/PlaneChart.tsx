import { useMemo, useRef } from "react";
import { useLocation } from "wouter";
import { useChartColours } from "@/charts/colours";
import { EChart } from "@/compare/EChart";
import type { EChartsType } from "@/compare/echarts";
import { looksByRun } from "@/compare/looks";
import { type Axis, planeOption } from "./plane";
import type { Plane, Point } from "./queries";

interface PlaneChartProps {
  plane: Plane;
  axis: Axis;
  log: boolean;
  budget: number | null;
  best: Point | null;
}

/** The plane itself; a click on a point opens its run. */
export default function PlaneChart({ plane, axis, log, budget, best }: PlaneChartProps) {
  const colours = useChartColours();
  const [, navigate] = useLocation();
  const { points, currency, metric } = plane;
  const option = useMemo(() => {
    const looks = looksByRun([...new Set(points.map(({ run }) => run))], colours.series);
    const colourOf = (run: number) => looks.of(run).colour;
    return planeOption(points, { axis, currency, metric, log, budget, best, colours, colourOf });
  }, [points, axis, currency, metric, log, budget, best, colours]);
  const now = useRef({ points, navigate });
  now.current = { points, navigate };
  const onReady = (chart: EChartsType) => {
    chart.on("click", ({ dataIndex }) => {
      const point = now.current.points[dataIndex];
      if (point) now.current.navigate(`/runs/${point.run}?tab=cost`);
    });
  };
  return (
    <EChart
      option={option}
      height={400}
      label={`${metric} over cost of ${points.length} runs and stages; the table below says the same`}
      onReady={onReady}
    />
  );
}
