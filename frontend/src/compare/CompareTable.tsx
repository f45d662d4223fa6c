import { AXIS_WORDS } from "@/charts/axisWords";
import { ChartTable } from "@/charts/ChartTable";
import type { ChartSpec } from "@/charts/catalogue";
import type { Axis } from "@/charts/clock";
import { written } from "@/charts/Legend";
import { isShown } from "@/charts/plotData";
import { formatNumber } from "@/ui/format";
import { Table } from "@/ui/Table";
import type { Overlay } from "./overlay";

const ROWS = 200;

interface CompareTableProps {
  spec: ChartSpec;
  data: Overlay;
  axis: Axis;
}

/** A chart's numbers; of groups with their bands, and how many runs there are at each place. */
export function CompareTable({ spec, data, axis }: CompareTableProps) {
  if (data.runs.size === 0) return <ChartTable spec={spec} data={data} axis={axis} marks={[]} />;
  const rows = data.lines.flatMap((line, index) =>
    isShown(line) && data.runs.has(line.label)
      ? data.x.flatMap((place, at) => {
          const value = data.values[index]?.[at];
          return value === undefined ? [] : [{ line, index, place, at, value }];
        })
      : [],
  );
  const end = (index: number, at: number, back: number) => {
    const isBand = data.lines[index - 1]?.kind === "high";
    const value = isBand ? data.values[index - back]?.[at] : undefined;
    return value === undefined ? "–" : written(value, spec.format);
  };
  return (
    <div style={{ height: "100%", overflow: "auto" }}>
      <Table>
        <caption className="visually-hidden">{spec.help}</caption>
        <thead>
          <tr>
            <th scope="col">group</th>
            <th scope="col">{AXIS_WORDS[axis].column}</th>
            <th scope="col">middle</th>
            <th scope="col">from</th>
            <th scope="col">to</th>
            <th scope="col">runs</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(-ROWS).map(({ line, index, place, at, value }) => (
            <tr key={`${line.label} ${place}`}>
              <th scope="row">{line.label}</th>
              <td>{formatNumber(place)}</td>
              <td>{written(value, spec.format)}</td>
              <td>{end(index, at, 2)}</td>
              <td>{end(index, at, 1)}</td>
              <td>{data.runs.get(line.label)?.get(place)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </div>
  );
}
