import { Copy } from "lucide-react";
import { Button } from "@/ui/Button";
import { formatDuration } from "@/ui/format";
import { useToast } from "@/ui/toast";
import styles from "./ChartTable.module.css";
import type { ChartSpec } from "./catalogue";
import type { Axis, PlotData } from "./plotData";

/** The newest rows are enough to read; copying takes all. */
const ROWS = 200;

interface ChartTableProps {
  spec: ChartSpec;
  data: PlotData;
  axis: Axis;
}

/** A chart's numbers, newest first. */
export function ChartTable({ spec, data, axis }: ChartTableProps) {
  const toast = useToast();
  const shown = data.lines.flatMap((line, index) =>
    line.kind === "main" || line.kind === "layer" ? [index] : [],
  );
  const rows = data.x.map((_, index) => index).reverse();
  const copy = async () => {
    await navigator.clipboard.writeText(asTsv(data, axis, shown));
    toast({ text: `${spec.title}: ${rows.length} rows copied` });
  };
  return (
    <div className={styles.box}>
      <table className={styles.table}>
        <caption className="visually-hidden">{spec.help}</caption>
        <thead>
          <tr>
            <th scope="col">{axis}</th>
            {shown.map((index) => (
              <th key={index} scope="col">
                {data.lines[index]?.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map((row) => (
            <tr key={data.x[row]}>
              <th scope="row">{axis === "step" ? data.x[row] : formatDuration(data.x[row])}</th>
              {shown.map((index) => {
                const cell = data.values[index]?.[row];
                return <td key={index}>{typeof cell === "number" ? spec.format(cell) : "–"}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <Button small icon={<Copy size={14} />} className={styles.copy} onClick={copy}>
        Copy
      </Button>
    </div>
  );
}

/** Tab-separated, oldest first, with full precision: what a spreadsheet takes. */
export function asTsv(data: PlotData, axis: Axis, columns: readonly number[]): string {
  const head = [axis, ...columns.map((index) => data.lines[index]?.label)].join("\t");
  const rows = data.x.map((x, row) =>
    [x, ...columns.map((index) => data.values[index]?.[row] ?? "")].join("\t"),
  );
  return [head, ...rows].join("\n");
}
