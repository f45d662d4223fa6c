/** The plane of score against cost: what stands where, as plain data. */

import type { ChartColours } from "@/charts/colours";
import { formatDuration, formatMoney, formatNumber, formatPercent } from "@/ui/format";
import type { PlaneQuery, Point } from "./queries";
import { formatEnergy } from "./sums";

export type Axis = NonNullable<PlaneQuery["axis"]>;

export const AXES: readonly { value: Axis; label: string }[] = [
  { value: "money", label: "Money" },
  { value: "device_hours", label: "Device-hours" },
  { value: "energy", label: "Energy" },
];

const MJ_PER_KWH = 3.6e9;

/** In the axis' unit: the currency's, hours, or kWh. */
export function costOf(point: Point, axis: Axis): number {
  if (axis === "money") return (point.micros ?? 0) / 1e6;
  return axis === "device_hours" ? point.device_hours : point.energy_mj / MJ_PER_KWH;
}

export function costWords(cost: number, axis: Axis, currency: string): string {
  if (axis === "money") return formatMoney(cost, currency);
  return axis === "device_hours" ? hoursWords(cost) : formatEnergy(cost * MJ_PER_KWH);
}

/** Device-hours "0.046 h", and where they are next to nothing device time, "12s". */
export function hoursWords(hours: number): string {
  return hours < 0.01 ? formatDuration(hours * 3600) : `${formatNumber(hours)} h`;
}

export function unitOf(axis: Axis, currency: string): string {
  return axis === "money" ? currency : axis === "device_hours" ? "h" : "kWh";
}

/** "0.62 (0.55 to 0.69)" as shares. */
export function scoreWords({ score, low, high }: Pick<Point, "score" | "low" | "high">): string {
  const interval = low === null || high === null ? "" : ` (${share(low)} to ${share(high)})`;
  return `${share(score)}${interval}`;
}

const share = (value: number) => formatPercent(value);

/** "r1 · #12", and the stage where there is one. */
export function pointName({ name, run, stage }: Pick<Point, "name" | "run" | "stage">): string {
  return stage === null ? `${name} · #${run}` : `${name} · #${run} · ${stage}`;
}

/** The frontier from its cheapest point to the right edge: each score holds until a better one. */
export function stepsOf(points: readonly Point[], axis: Axis): [number, number][] {
  const corners = points
    .filter((point) => point.on_frontier)
    .map((point): [number, number] => [costOf(point, axis), point.score])
    .toSorted(([a], [b]) => a - b);
  const right = Math.max(0, ...points.map((point) => costOf(point, axis)));
  const last = corners.at(-1);
  return last && right > last[0] ? [...corners, [right, last[1]]] : corners;
}

/** The best that costs no more, the cheapest of equally good ones. */
export function bestWithin(points: readonly Point[], axis: Axis, budget: number): Point | null {
  let best: Point | null = null;
  for (const point of points) {
    const cost = costOf(point, axis);
    if (cost > budget || !point.on_frontier) continue;
    if (!best || point.score > best.score) best = point;
    else if (point.score === best.score && cost < costOf(best, axis)) best = point;
  }
  return best;
}

/** Nothing lies apart from anything else there. */
export function isFree(points: readonly Point[], axis: Axis): boolean {
  return points.every((point) => costOf(point, axis) === 0);
}

/** The stages of each run that has several on the plane, in their order. */
export function coursesOf(points: readonly Point[]): Point[][] {
  const staged = points.filter(({ stage }) => stage !== null);
  const runs = [...new Set(staged.map(({ run }) => run))];
  return runs
    .map((one) => staged.filter(({ run }) => run === one))
    .filter(({ length }) => length > 1);
}

/** A logarithm has no place for what cost nothing. */
export function canBeLog(points: readonly Point[], axis: Axis): boolean {
  return points.length > 0 && points.every((point) => costOf(point, axis) > 0);
}

interface Drawn {
  axis: Axis;
  currency: string;
  metric: string;
  log: boolean;
  budget: number | null;
  best: Point | null;
  colours: ChartColours;
  colourOf: (run: number) => string;
}

const [ON_PX, OFF_PX, BEST_PX] = [12, 8, 18];
const LABEL_PX = 120;
const TICKS = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export function planeOption(points: readonly Point[], drawn: Drawn): Record<string, unknown> {
  const { axis, currency, metric, log, budget, colours } = drawn;
  const most = Math.max(...points.map((point) => costOf(point, axis)));
  const line = { type: "line", showSymbol: false, silent: true, tooltip: { show: false } };
  const named = { nameLocation: "middle", nameTextStyle: { color: colours.text, fontSize: 12 } };
  const axisLine = { show: true, lineStyle: { color: colours.faint } };
  const splitLine = { lineStyle: { color: colours.grid } };
  const label = (formatter: (value: number) => string) => ({ color: colours.faint, formatter });
  return {
    animation: false,
    textStyle: { fontFamily: "'Inter Variable', sans-serif" },
    grid: { left: 64, right: 24, top: 16, bottom: 52 },
    tooltip: {
      backgroundColor: colours.surface,
      borderColor: colours.grid,
      textStyle: { color: colours.text, fontSize: 12 },
      renderMode: "richText", // names are text, never HTML
      formatter: ({ dataIndex }: { dataIndex: number }) => {
        const point = points[dataIndex];
        return point ? tip(point, axis, currency) : "";
      },
    },
    xAxis: {
      type: log ? "log" : "value",
      name: axisName(axis, currency),
      nameGap: 30,
      ...named,
      axisLine,
      splitLine,
      axisLabel: { ...label((value) => TICKS.format(value)), hideOverlap: true },
    },
    yAxis: {
      type: "value",
      name: metric,
      nameGap: 46,
      scale: true,
      ...named,
      axisLine,
      splitLine,
      axisLabel: label((value) => formatPercent(value, 0)),
    },
    series: [
      ...coursesOf(points).map((stages) => ({
        ...line,
        id: `course ${stages[0]?.run}`,
        lineStyle: { color: drawn.colourOf(stages[0]?.run ?? 0), width: 1.5, opacity: 0.5 },
        data: stages.map((point) => [costOf(point, axis), point.score]),
      })),
      {
        ...line,
        id: "intervals",
        lineStyle: { color: colours.faint, width: 1 },
        data: points.flatMap((point) => bar(point, axis)),
      },
      {
        ...line,
        id: "frontier",
        step: "end",
        lineStyle: { color: colours.accent, width: 1.5 },
        data: stepsOf(points, axis),
      },
      {
        ...line,
        id: "budget",
        lineStyle: { color: colours.text, width: 1, type: "dashed" },
        data: budget === null ? [] : edge(points, budget),
      },
      {
        type: "scatter",
        id: "points",
        cursor: "pointer",
        z: 3, // above the lines
        label: {
          show: true,
          color: colours.text,
          fontSize: 11,
          textBorderColor: colours.surface,
          textBorderWidth: 3,
        },
        labelLayout: { hideOverlap: true, dy: -9 }, // above the frontier
        data: points.map((point) => ({
          label: {
            formatter: point.stage ?? point.name,
            position: costOf(point, axis) > most / 2 ? "left" : "right",
            width: LABEL_PX,
            overflow: "truncate",
          },
          value: [costOf(point, axis), point.score],
          symbolSize: point === drawn.best ? BEST_PX : point.on_frontier ? ON_PX : OFF_PX,
          itemStyle: {
            color: drawn.colourOf(point.run),
            opacity: point.on_frontier ? 1 : 0.7,
            borderColor: point === drawn.best ? colours.text : colours.surface,
            borderWidth: point === drawn.best ? 2 : 1,
          },
        })),
      },
    ],
  };
}

function axisName(axis: Axis, currency: string): string {
  const label = AXES.find(({ value }) => value === axis)?.label;
  return axis === "device_hours" ? `${label}` : `${label} (${unitOf(axis, currency)})`;
}

/** An interval, apart from the next one. */
function bar(point: Point, axis: Axis): (number | string)[][] {
  const { low, high } = point;
  const x = costOf(point, axis);
  return low === null || high === null
    ? []
    : [
        [x, low],
        [x, high],
        ["-", "-"],
      ];
}

/** Upright, as high as the points reach. */
function edge(points: readonly Point[], budget: number): [number, number][] {
  const ends = points.flatMap(({ score, low, high }) => [low ?? score, high ?? score]);
  return ends.length === 0
    ? []
    : [
        [budget, Math.min(...ends)],
        [budget, Math.max(...ends)],
      ];
}

function tip(point: Point, axis: Axis, currency: string): string {
  return [pointName(point), scoreWords(point), costWords(costOf(point, axis), axis, currency)].join(
    "\n",
  );
}
