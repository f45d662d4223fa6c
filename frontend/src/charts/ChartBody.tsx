import { TriangleAlert } from "lucide-react";
import { useMemo, useState } from "react";
import { classes } from "@/ui/classes";
import { formatNumber, plural } from "@/ui/format";
import styles from "./ChartCard.module.css";
import { ChartMenu } from "./ChartMenu";
import { ChartSwitches, canLog } from "./ChartSwitches";
import { ChartTable, CopyButton } from "./ChartTable";
import type { ChartSpec } from "./catalogue";
import { useChartColours } from "./colours";
import { shownOf, useDetail } from "./detail";
import { type Evidence, fine, type Reading } from "./evidence";
import { extentOf } from "./extent";
import { type ChartGroup, useChartGroup } from "./group";
import { Legend } from "./Legend";
import { placed } from "./marks";
import { Plot } from "./Plot";
import { plotData, type SeriesSource } from "./plotData";

/** Pixels. */
export function plotHeight(wide: boolean): number {
  return wide ? 208 : 148;
}

export interface ChartBodyProps {
  spec: ChartSpec;
  wide: boolean;
  /** Id of the title. */
  heading: string;
}

/** What is inside of a chart's card while it can be seen. */
export function ChartBody({ spec, wide, heading }: ChartBodyProps) {
  const group = useChartGroup();
  const { view, onView } = group;
  const [cursor, setCursor] = useState<number | null>(null);
  const log = canLog(spec) && view.log.includes(spec.id);
  const asTable = view.tables.includes(spec.id);
  const height = plotHeight(wide);
  const source = useDetail(spec, group);
  const { data, extent } = useDrawn(spec, group, source, { log, asMeasured: asTable });
  const marks = useMemo(
    () => placed(group.marks, group.clock, group.range),
    [group.marks, group.clock, group.range],
  );
  const colours = useChartColours();
  const reading = useReading(spec, group);
  const counted = countWords(spec, source, view.zoom, extent.outside.length);

  return (
    <>
      <header className={styles.header}>
        <h3 id={heading} title={spec.help}>
          {spec.title}
        </h3>
        <Legend spec={spec} data={data} cursor={cursor} />
        <span className={styles.actions}>
          {asTable && <CopyButton spec={spec} data={data} axis={group.clock.axis} />}
          <ChartSwitches spec={spec} view={view} onView={onView} />
          <ChartMenu
            runId={group.runId}
            picture={{
              spec,
              data,
              extent,
              range: group.range,
              clock: group.clock,
              marks,
              log,
              logX: view.logX,
              words: [reading.text, counted].filter(Boolean).join(" · "),
              colours,
            }}
          />
        </span>
      </header>
      <p
        className={classes(
          styles.reading,
          !spec.read && styles.whole,
          reading.wrong && styles.wrong,
        )}
        title={spec.read ? `${reading.text}\n${spec.help}` : reading.text}
      >
        {reading.wrong && <TriangleAlert size={12} aria-label="Look at this" />}
        {reading.text}
      </p>
      <div className={styles.body} style={{ height }}>
        {counted && !asTable && <span className={styles.counted}>{counted}</span>}
        {asTable ? (
          <ChartTable spec={spec} data={data} axis={group.clock.axis} marks={marks} />
        ) : (
          <Plot
            group={group}
            colours={colours}
            spec={spec}
            data={data}
            extent={extent}
            marks={marks}
            log={log}
            height={height}
            label={`${spec.title}: ${reading.text}`}
            onCursor={setCursor}
          />
        )}
      </div>
    </>
  );
}

/** The columns that are drawn, for a table as they were measured, and what their axis spans. */
function useDrawn(
  spec: ChartSpec,
  group: ChartGroup,
  source: SeriesSource,
  { log, asMeasured }: { log: boolean; asMeasured: boolean },
) {
  const { clock, view, version } = group;
  const [from, to] = group.range;
  // biome-ignore lint/correctness/useExhaustiveDependencies: series grow in place; version tells
  const data = useMemo(() => {
    const smoothing = asMeasured ? { ...view.smoothing, span: 0 } : view.smoothing;
    const logX = view.logX && !asMeasured;
    return plotData(source, spec, { clock, logX, logY: log, smoothing, hidden: view.hidden });
  }, [spec, clock, view, version, source, asMeasured, log]);
  const extent = useMemo(
    () => extentOf(data, [from, to], view.robust),
    [data, from, to, view.robust],
  );
  return { data, extent };
}

/** Read from the whole run, whatever is zoomed or hidden. */
function useReading(spec: ChartSpec, { table, version, config }: ChartGroup): Reading {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table grows in place; version tells
  return useMemo(() => {
    const series = (name: string) => ({
      steps: table.get(name)?.steps.view() ?? [],
      values: table.get(name)?.values.view() ?? [],
    });
    const evidence: Evidence = { series, config };
    return spec.read?.(evidence) ?? fine(spec.help);
  }, [spec, table, version, config]);
}

/** What of the points is not to be seen, or has been asked for by zooming. */
function countWords(
  spec: ChartSpec,
  source: SeriesSource,
  zoom: readonly [number, number] | null,
  outside: number,
): string {
  const { shown, total } = shownOf(spec, source, zoom);
  const count = (value: number) => formatNumber(value, 0);
  const points =
    shown < total
      ? `${count(shown)} of ${plural(total, "point")}`
      : zoom && total > 0
        ? `all ${plural(total, "point")}`
        : "";
  return [points, outside > 0 ? `${count(outside)} outside the range` : ""]
    .filter(Boolean)
    .join(", ");
}
