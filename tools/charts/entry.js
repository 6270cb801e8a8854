// The part of Apache ECharts that merx draws with. Every line here costs kilobytes in each report:
// add one only together with the chart that needs it, then rebuild (see README.md).
import * as core from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import {
  AriaComponent,
  DataZoomSliderComponent,
  GridComponent,
  LegendPlainComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
} from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

core.use([
  BarChart,
  LineChart,
  AriaComponent,
  DataZoomSliderComponent,
  GridComponent,
  LegendPlainComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  SVGRenderer,
]);

// Only the names that merx calls: the rest can then be shaken off.
export const init = core.init;
export const version = core.version;
