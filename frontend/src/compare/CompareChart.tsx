import { useEffect, useMemo, useState } from "react";
import { AXIS_WORDS } from "@/charts/axisWords";
import { type ChartBodyProps, plotHeight } from "@/charts/ChartBody";
import styles from "@/charts/ChartCard.module.css";
import { ChartSwitches, canLog } from "@/charts/ChartSwitches";
import { CopyButton } from "@/charts/ChartTable";
import type { ChartColours } from "@/charts/colours";
import { extentOf } from "@/charts/extent";
import { Plot } from "@/charts/Plot";
import { plural } from "@/ui/format";
import { useDebounced } from "@/ui/useDebounced";
import { CompareChartMenu } from "./CompareChartMenu";
import { CompareTable } from "./CompareTable";
import { CursorWords } from "./CursorWords";
import { useEntries } from "./entries";
import { useHighlighted } from "./highlight";
import { overlay } from "./overlay";
import { useComparePage } from "./page";
import { useCompareGroup } from "./plotGroup";
import { useOverlayDetail } from "./useOverlayDetail";

/** A series of all runs, inside of a chart's card while it can be seen. */
export function CompareChart({ spec, wide, heading }: ChartBodyProps) {
  const page = useComparePage();
  const group = useCompareGroup();
  const { address, go, store, colours, highlight } = page;
  const series = spec.lines[0]?.series ?? "";
  useEffect(() => store.need([series]), [store, series]);
  const [cursor, setCursor] = useState<number | null>(null);
  const log = canLog(spec) && address.log.includes(spec.id);
  const asTable = address.tables.includes(spec.id);
  const height = plotHeight(wide) + 40;
  const source = useOverlayDetail(series);
  const entries = useEntries(source);
  const { logX, smoothing, robust } = address;
  const { centre, spread } = address;
  const { range } = group;
  const data = useMemo(() => {
    const chosen = asTable ? { ...smoothing, span: 0 } : smoothing;
    return overlay(spec, entries, {
      logX: logX && !asTable,
      logY: log,
      smoothing: chosen,
      centre,
      spread,
      range,
    });
  }, [spec, entries, logX, log, asTable, smoothing, centre, spread, range]);
  const extent = useMemo(() => extentOf(data, range, robust), [data, range, robust]);
  const drawn: ChartColours = useMemo(
    () => ({ ...colours, series: entries.map(({ look }) => look.colour) }),
    [colours, entries],
  );
  const focused = useHighlighted(highlight);
  // The chart under the mouse follows at once, the others when it rests: each redraws all its lines.
  const settled = useDebounced(focused, RESTS_MS);
  const count = entries.reduce(
    (sum, entry) => sum + entry.sources.filter((s) => s.series).length,
    0,
  );
  const words = page.groups
    ? `${plural(entries.length, "line")} of ${plural(count, "run")}`
    : plural(count, "run");
  return (
    <>
      <header className={styles.header}>
        <h3 id={heading} title={spec.help}>
          {spec.title}
        </h3>
        <CursorWords spec={spec} data={data} entries={entries} cursor={cursor} focused={focused} />
        <span className={styles.actions}>
          {asTable && <CopyButton spec={spec} data={data} axis={group.clock.axis} />}
          <ChartSwitches spec={spec} view={address} onView={go} />
          <CompareChartMenu
            spec={spec}
            entries={entries}
            picture={{
              data,
              extent,
              range,
              clock: group.clock,
              marks: [],
              log,
              logX,
              words,
              colours: drawn,
            }}
          />
        </span>
      </header>
      <p className={styles.reading} title={spec.help}>
        {spec.help}
      </p>
      <div className={styles.body} style={{ height }}>
        {asTable ? (
          <CompareTable spec={spec} data={data} axis={group.clock.axis} />
        ) : (
          <Plot
            group={group}
            colours={drawn}
            spec={spec}
            data={data}
            extent={extent}
            marks={NO_MARKS}
            log={log}
            height={height}
            label={`${spec.title} of ${words} by ${AXIS_WORDS[group.clock.axis].label.toLowerCase()}`}
            onCursor={setCursor}
            focused={settled}
            onFocus={highlight.set}
          />
        )}
      </div>
    </>
  );
}

const NO_MARKS: [] = [];
const RESTS_MS = 120;
