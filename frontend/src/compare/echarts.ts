/** What of ECharts the page draws with; loaded with Explore, or cost against quality, only. */

import { LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import {
  BrushComponent,
  GridComponent,
  ParallelComponent,
  TooltipComponent,
} from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([
  LineChart,
  ParallelChart,
  ScatterChart,
  BrushComponent,
  GridComponent,
  ParallelComponent,
  TooltipComponent,
  LabelLayout,
  CanvasRenderer,
]);

export type { EChartsType };
export { init };
