import { Copy } from "lucide-react";
import { Button } from "@/ui/Button";
import { formatNumber } from "@/ui/format";
import { useToast } from "@/ui/toast";
import { AXIS_WORDS } from "./axisWords";
import styles from "./ChartTable.module.css";
import type { ChartSpec } from "./catalogue";
import type { Axis } from "./clock";
import { nearest } from "./group";
import { written } from "./Legend";
import type { PlacedMark } from "./marks";
import { isShown, type PlotData } from "./plotData";

/** The newest rows are enough to read; copying takes all. */
const ROWS = 200;

interface ChartTableProps {
  spec: ChartSpec;
  data: PlotData;
  axis: Axis;
  /** What happened, told beside the nearest row. */
  marks: readonly PlacedMark[];
}

/** A chart's numbers, newest first. */
export function ChartTable({ spec, data, axis, marks }: ChartTableProps) {
  const shown = columnsOf(data);
  const happened = byRow(data.x, marks);
  const rows = data.x.map((_, index) => index).reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
    <section className={styles.box} tabIndex={0} aria-label={`${spec.title} as a table`}>
      <table className={styles.table}>
        <caption className="visually-hidden">{spec.help}</caption>
        <thead>
          <tr>
            <th scope="col">{AXIS_WORDS[axis].column}</th>
            {shown.map((index) => (
              <th key={index} scope="col">
                {data.lines[index]?.label}
              </th>
            ))}
            {marks.length > 0 && <th scope="col">what happened</th>}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, ROWS).map((row) => (
            <tr key={data.x[row]}>
              <th scope="row">{rowHead(axis, data.x[row] as number)}</th>
              {shown.map((index) => {
                const value = data.values[index]?.[row];
                return (
                  <td key={index}>{value === undefined ? "–" : written(value, spec.format)}</td>
                );
              })}
              {marks.length > 0 && <td>{happened.get(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** Puts all rows on the clipboard. */
export function CopyButton({ spec, data, axis }: Omit<ChartTableProps, "marks">) {
  const toast = useToast();
  const copy = async () => {
    await navigator.clipboard.writeText(asTsv(data, axis, columnsOf(data)));
    toast({ text: `${spec.title}: ${data.x.length} rows copied` });
  };
  return (
    <Button small icon={<Copy size={14} />} onClick={copy}>
      Copy
    </Button>
  );
}

/** Words of the marks by the row that is nearest to them. */
function byRow(x: readonly number[], marks: readonly PlacedMark[]): Map<number, string> {
  const rows = new Map<number, string>();
  for (const { place, words } of marks) {
    const row = nearest(x, place);
    const before = rows.get(row);
    rows.set(row, before ? `${before}; ${words}` : words);
  }
  return rows;
}

/** The lines that are read off, by their place in the data. */
function columnsOf(data: PlotData): number[] {
  return data.lines.flatMap((line, index) => (isShown(line) ? [index] : []));
}

function rowHead(axis: Axis, place: number): string {
  return axis === "step" || axis === "tokens"
    ? formatNumber(place, 0)
    : AXIS_WORDS[axis].place(place);
}

/** Tab-separated, oldest first, with full precision: what a spreadsheet takes. */
export function asTsv(data: PlotData, axis: Axis, columns: readonly number[]): string {
  const labels = columns.map((index) => data.lines[index]?.label);
  const head = [AXIS_WORDS[axis].column, ...labels].join("\t");
  const rows = data.x.map((x, row) =>
    [x, ...columns.map((index) => data.values[index]?.[row] ?? "")].join("\t"),
  );
  return [head, ...rows].join("\n");
}
