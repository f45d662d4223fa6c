import { ChartSpline, Table2 } from "lucide-react";
import { useId, useMemo, useRef, useState } from "react";
import { IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import styles from "./ChartCard.module.css";
import { ChartTable } from "./ChartTable";
import type { ChartSpec } from "./catalogue";
import { type ChartGroup, useChartGroup } from "./group";
import { Plot } from "./Plot";
import { type Cell, columnOf, type PlotData, plotData } from "./plotData";
import type { Evidence } from "./readings";
import { useVisible } from "./useVisible";

const HEIGHT = { wide: 208, narrow: 148 };

/** A chart with its title, a line that reads it, its values, and its numbers as a table. */
export function ChartCard({ spec }: { spec: ChartSpec }) {
  const group = useChartGroup();
  const card = useRef<HTMLElement>(null);
  const visible = useVisible(card);
  const heading = useId();
  const [cursor, setCursor] = useState<number | null>(null);
  const [log, setLog] = useState(false);
  const [asTable, setAsTable] = useState(false);
  const height = spec.wide ? HEIGHT.wide : HEIGHT.narrow;
  const { data, reading } = useDrawn(spec, group, visible, asTable);

  return (
    <section
      ref={card}
      aria-labelledby={heading}
      className={classes("panel", styles.card, spec.wide && styles.wide)}
    >
      <header className={styles.header}>
        <h3 id={heading} title={spec.help}>
          {spec.title}
        </h3>
        <Legend spec={spec} data={data} cursor={cursor} />
        <span className={styles.actions}>
          {spec.canLog && (
            <button
              type="button"
              className={styles.toggle}
              aria-pressed={log}
              title="Logarithmic scale"
              onClick={() => setLog(!log)}
            >
              log
            </button>
          )}
          <IconButton
            small
            label={asTable ? "Show as a chart" : "Show as a table"}
            onClick={() => setAsTable(!asTable)}
          >
            {asTable ? <ChartSpline size={14} /> : <Table2 size={14} />}
          </IconButton>
        </span>
      </header>
      <p className={classes(styles.reading, !spec.read && styles.whole)} title={reading}>
        {reading}
      </p>
      <div className={styles.body} style={{ height }}>
        {visible &&
          (asTable ? (
            <ChartTable spec={spec} data={data} axis={group.choice.axis} />
          ) : (
            <Plot
              spec={spec}
              data={data}
              log={log}
              height={height}
              label={`${spec.title}: ${reading}`}
              onCursor={setCursor}
            />
          ))}
      </div>
    </section>
  );
}

const NOTHING: PlotData = { lines: [], x: [], values: [], drawn: [] };

/** What is drawn, for a table as it was measured; a chart out of sight costs nothing. */
function useDrawn(spec: ChartSpec, group: ChartGroup, visible: boolean, asMeasured: boolean) {
  const { table, version, choice, config } = group;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table grows in place; version tells
  return useMemo(() => {
    if (!visible) return { data: NOTHING, reading: "" };
    const series = (name: string) => ({
      steps: table.get(name)?.steps.view() ?? [],
      values: table.get(name)?.values.view() ?? [],
    });
    const evidence: Evidence = { series, config };
    const data = plotData(table, spec, asMeasured ? { ...choice, smoothing: 0 } : choice);
    return { data, reading: spec.read?.(evidence) ?? spec.help };
  }, [spec, table, version, choice, config, visible, asMeasured]);
}

interface LegendProps {
  spec: ChartSpec;
  data: PlotData;
  cursor: number | null;
}

/** Each line's name, with its value under the cursor. */
function Legend({ spec, data, cursor }: LegendProps) {
  if (spec.lines.length === 1 && cursor === null) return null;
  return (
    <span className={styles.legend}>
      {spec.lines.map((line) => {
        const value = cursor === null ? null : lastBefore(columnOf(data, line.label), cursor);
        return (
          <span key={line.series} className={styles.entry}>
            <span className={classes(styles.swatch, styles[`series${line.colour}`])} aria-hidden />
            {line.label}
            {value !== null && <strong>{spec.format(value)}</strong>}
          </span>
        );
      })}
    </span>
  );
}

/** The value at the cursor, or the one measured last before it. */
function lastBefore(column: readonly Cell[], at: number): number | null {
  for (let index = Math.min(at, column.length - 1); index >= 0; index--) {
    const value = column[index];
    if (value !== undefined) return value;
  }
  return null;
}
