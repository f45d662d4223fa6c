/** What is drawn in Explore, as ECharts takes it: plain data in, plain data out. */

import type { ChartColours } from "@/charts/colours";
import { formatNumber } from "@/ui/format";
import type { Condition } from "./address";
import { type Cell, type Fields, labelOf, NUMBER_FACTS, written } from "./fields";
import type { Looks } from "./looks";

/** An axis: of numbers, on a logarithm where they span powers of ten, or of the values in order. */
export interface Dimension {
  key: string;
  kind: "number" | "log" | "category";
  categories: string[];
}

/** Ratios above this are read better on a logarithm. */
const LOG_RATIO = 30;
/** A setting that takes so few values has them side by side, however far apart they are. */
const MOST_SETTINGS = 8;

export function dimensionOf(fields: Fields, runs: readonly number[], key: string): Dimension {
  const values = runs.map((run) => fields.value(run, key)).filter((value) => value !== undefined);
  const numbers = values.filter((value): value is number => typeof value === "number");
  const isSetting = !key.includes("/") && !NUMBER_FACTS.includes(key);
  const isFew = isSetting && new Set(numbers).size <= MOST_SETTINGS;
  if (numbers.length === values.length && numbers.length > 0 && !isFew) {
    const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
    return { key, kind: low > 0 && high / low > LOG_RATIO ? "log" : "number", categories: [] };
  }
  const order = (a: Cell, b: Cell) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : written(a).localeCompare(written(b), "en", { numeric: true });
  const categories = [...new Set(values.toSorted(order).map(written))];
  return { key, kind: "category", categories };
}

/** Where a run stands on an axis; null: nowhere. */
export function placeOn({ key, kind }: Dimension, fields: Fields, run: number) {
  const value = fields.value(run, key);
  if (value === undefined) return null;
  return kind === "category" ? written(value) : value;
}

const BEHIND = 0.12;

interface Drawn {
  fields: Fields;
  runs: readonly number[];
  shown: ReadonlySet<number>;
  looks: Looks;
  colours: ChartColours;
  nameOf: (run: number) => string;
}

/** Beside the outermost axes, for the labels of the values. */
const [LEFT_PX, RIGHT_PX] = [56, 72];
/** From one axis to the next, at least: so much of a name can be read. */
const APART_PX = 116;
const GAP_PX = 8;

/** Pixels that so many axes take with their names apart. */
export function parallelWidth(axes: number): number {
  return LEFT_PX + RIGHT_PX + Math.max(0, axes - 1) * APART_PX;
}

/** How wide the name of an axis may be in a plot of so many pixels. */
function nameWidth(axes: number, width: number): number {
  return Math.max(APART_PX, (width - LEFT_PX - RIGHT_PX) / Math.max(1, axes - 1)) - GAP_PX;
}

export function parallelOption(
  dimensions: readonly Dimension[],
  { fields, runs, shown, looks, colours }: Drawn,
  width: number,
): Record<string, unknown> {
  const maxWidth = nameWidth(dimensions.length, width);
  // Lines pass behind the labels.
  const label = { color: colours.text, backgroundColor: colours.surface, padding: [1, 3] };
  return {
    animation: false,
    textStyle: { fontFamily: "'Inter Variable', sans-serif" },
    parallel: {
      left: LEFT_PX,
      right: RIGHT_PX,
      top: 44,
      bottom: 20,
      parallelAxisDefault: {
        realtime: false, // what is brushed draws all anew, which would end the drag
        nameTextStyle: { color: colours.text, fontSize: 12 },
        axisLine: { lineStyle: { color: colours.faint } },
        axisTick: { lineStyle: { color: colours.grid } },
        axisLabel: label,
        areaSelectStyle: { color: colours.accent, borderColor: colours.accent, opacity: 0.25 },
      },
    },
    parallelAxis: dimensions.map((dimension, dim) => ({
      id: dimension.key,
      dim,
      name: labelOf(dimension.key),
      nameTruncate: { maxWidth },
      type: dimension.kind === "number" ? "value" : dimension.kind,
      ...(dimension.kind === "category" && { data: dimension.categories }),
      ...(dimension.kind !== "category" && {
        scale: true,
        axisLabel: { ...label, formatter: (value: number) => formatNumber(value, 6) },
      }),
    })),
    series: [
      {
        type: "parallel",
        inactiveOpacity: BEHIND,
        activeOpacity: 1,
        data: runs.map((run) => ({
          value: dimensions.map((dimension) => placeOn(dimension, fields, run) ?? "-"),
          lineStyle: {
            color: looks.of(run).colour,
            width: 1.5,
            opacity: shown.has(run) ? 0.9 : BEHIND,
          },
        })),
      },
    ],
  };
}

export function scatterOption(
  across: Dimension,
  up: Dimension,
  { fields, runs, shown, looks, colours, nameOf }: Drawn,
): Record<string, unknown> {
  const axis = (dimension: Dimension, nameGap: number) => ({
    type: dimension.kind === "number" ? "value" : dimension.kind,
    name: labelOf(dimension.key),
    nameLocation: "middle",
    nameGap,
    nameTextStyle: { color: colours.text, fontSize: 12 },
    axisLine: { show: true, lineStyle: { color: colours.faint } },
    splitLine: { lineStyle: { color: colours.grid } },
    ...(dimension.kind === "category"
      ? { data: dimension.categories, axisLabel: { color: colours.faint } }
      : {
          scale: true,
          axisLabel: { color: colours.faint, formatter: (value: number) => formatNumber(value, 6) },
        }),
  });
  const placed = runs.flatMap((run) => {
    const [x, y] = [placeOn(across, fields, run), placeOn(up, fields, run)];
    return x === null || y === null ? [] : [{ run, x, y }];
  });
  return {
    animation: false,
    textStyle: { fontFamily: "'Inter Variable', sans-serif" },
    grid: { left: 72, right: 20, top: 20, bottom: 56 },
    brush: {
      toolbox: [],
      xAxisIndex: 0,
      yAxisIndex: 0,
      brushType: "rect",
      throttleType: "debounce",
      throttleDelay: 100,
      brushStyle: { color: "transparent", borderColor: colours.accent, borderWidth: 1.5 },
      outOfBrush: { colorAlpha: 0.5 },
    },
    tooltip: {
      backgroundColor: colours.surface,
      borderColor: colours.grid,
      textStyle: { color: colours.text, fontSize: 12 },
      renderMode: "richText", // names are text, never HTML
      formatter: ({ dataIndex }: { dataIndex: number }) => {
        const found = placed[dataIndex];
        return found
          ? `${nameOf(found.run)}\n${labelOf(across.key)} ${written(found.x)}\n${labelOf(up.key)} ${written(found.y)}`
          : "";
      },
    },
    xAxis: axis(across, 32),
    yAxis: axis(up, 52),
    series: [
      {
        type: "scatter",
        symbolSize: 10,
        data: placed.map(({ run, x, y }) => ({
          value: [x, y],
          itemStyle: {
            color: looks.of(run).colour,
            opacity: shown.has(run) ? 0.9 : BEHIND,
            borderColor: colours.surface,
          },
        })),
      },
    ],
  };
}

/** What a brush over a stretch of an axis asks for. */
export function brushed(dimension: Dimension, from: number, to: number): Condition {
  const [low, high] = from <= to ? [from, to] : [to, from];
  if (dimension.kind !== "category")
    return { field: dimension.key, from: rounded(low), to: rounded(high) };
  const values = dimension.categories.filter((_, place) => place >= low && place <= high);
  return { field: dimension.key, values };
}

/** Six figures are more than a hand can aim at. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
