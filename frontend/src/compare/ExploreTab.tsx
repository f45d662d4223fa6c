import { useMemo, useRef, useState } from "react";
import { toggled } from "@/charts/view";
import { Button } from "@/ui/Button";
import { FilterChip } from "@/ui/Chip";
import { Select } from "@/ui/Field";
import { Table } from "@/ui/Table";
import { useWidth } from "@/ui/useWidth";
import { CopyTable } from "./CopyTable";
import { EChart } from "./EChart";
import styles from "./ExploreTab.module.css";
import type { EChartsType } from "./echarts";
import { dimensionsOf, resultsOf } from "./explored";
import {
  brushed,
  type Dimension,
  dimensionOf,
  parallelOption,
  parallelWidth,
  scatterOption,
} from "./exploreOptions";
import { labelOf, NUMBER_FACTS, written } from "./fields";
import { runLabel, useComparePage } from "./page";
import { withCondition } from "./where";

/** Config against results: what is brushed here is what the whole page shows. */
export default function ExploreTab() {
  const { fields, address, go } = useComparePage();
  const [asTable, setAsTable] = useState(false);
  const results = resultsOf(fields);
  const keys = [
    ...fields.differingPaths.toSorted(),
    ...fields.comparison.series.map(({ name }) => name),
    ...NUMBER_FACTS,
  ];
  const dimensions = dimensionsOf(fields, address);
  const first = fields.differingPaths.find((path) => path !== "seed") ?? "step";
  const across = fields.has(address.across) ? address.across : first;
  const up = fields.has(address.up) ? address.up : (results[0] ?? "step");
  const others = keys.filter((key) => !dimensions.includes(key));
  const options = keys.map((value) => ({ value, label: labelOf(value) }));
  return (
    <div className={styles.tab}>
      <section className="panel" aria-label="Parallel coordinates">
        <header className={styles.head}>
          <h3>Parallel coordinates</h3>
          {dimensions.map((key) => (
            <FilterChip
              key={key}
              on
              onToggle={() => go({ dimensions: dimensions.filter((other) => other !== key) })}
            >
              {labelOf(key)}
            </FilterChip>
          ))}
          <Select
            aria-label="Add an axis"
            value=""
            options={[
              { value: "", label: "Add an axis" },
              ...others.map((value) => ({ value, label: labelOf(value) })),
            ]}
            onChange={(key) => key && go({ dimensions: toggled(dimensions, key) })}
          />
          <Button small aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {asTable ? "Show as charts" : "Show as a table"}
          </Button>
        </header>
        {asTable ? (
          <ValueTable keys={[...new Set([...dimensions, across, up])]} />
        ) : (
          <Parallel keys={dimensions} />
        )}
      </section>
      {!asTable && (
        <section className="panel" aria-label="Scatter plot">
          <header className={styles.head}>
            <h3>Scatter plot</h3>
            <Select
              aria-label="Vertical axis"
              value={up}
              options={options}
              onChange={(key) => go({ up: key })}
            />
            over
            <Select
              aria-label="Horizontal axis"
              value={across}
              options={options}
              onChange={(key) => go({ across: key })}
            />
          </header>
          <Scatter across={across} up={up} />
        </section>
      )}
      <p className="muted">
        Drag along an axis, or over the points, to show only those runs on the whole page; the chips
        above take it back.
      </p>
    </div>
  );
}

/** What both plots draw of the page. */
function useDrawn() {
  const { fields, runs, shown, looks, colours } = useComparePage();
  return useMemo(() => {
    const names = new Map(runs.map((run) => [run.id, runLabel(run)]));
    const nameOf = (run: number) => names.get(run) ?? `#${run}`;
    const ids = runs.map((run) => run.id);
    return { fields, runs: ids, shown: new Set(shown), looks, colours, nameOf };
  }, [fields, runs, shown, looks, colours]);
}

function useDimensions(keys: readonly string[]): Dimension[] {
  const { fields, runs } = useComparePage();
  const key = keys.join();
  return useMemo(
    () =>
      key
        .split(",")
        .filter(Boolean)
        .map((each) =>
          dimensionOf(
            fields,
            runs.map((run) => run.id),
            each,
          ),
        ),
    [fields, runs, key],
  );
}

/** What ECharts says of a brush along one of the parallel axes. */
interface AxisSelected {
  parallelAxisId: string;
  intervals: [number, number][];
}

function Parallel({ keys }: { keys: readonly string[] }) {
  const { address, go, runs } = useComparePage();
  const drawn = useDrawn();
  const dimensions = useDimensions(keys);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const option = useMemo(
    () => parallelOption(dimensions, drawn, width),
    [dimensions, drawn, width],
  );
  const now = useRef({ dimensions, where: address.where, go });
  now.current = { dimensions, where: address.where, go };
  const onReady = (chart: EChartsType) => {
    chart.on("axisareaselected", (event) => {
      const { parallelAxisId, intervals } = event as unknown as AxisSelected;
      const dimension = now.current.dimensions.find(({ key }) => key === parallelAxisId);
      const [interval] = intervals;
      if (!dimension) return;
      const condition = interval ? brushed(dimension, ...interval) : null;
      now.current.go({ where: withCondition(now.current.where, dimension.key, condition) });
    });
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key
    <div ref={box} className={styles.sideways} tabIndex={0}>
      <div style={{ minWidth: parallelWidth(keys.length) }}>
        <EChart
          option={option}
          height={320}
          label={`${runs.length} runs over ${keys.map(labelOf).join(", ")}`}
          onReady={onReady}
        />
      </div>
    </div>
  );
}

/** What ECharts says of a rectangle over the points. */
interface BrushEnd {
  areas: { coordRange: [[number, number], [number, number]] }[];
}

function Scatter({ across, up }: { across: string; up: string }) {
  const { address, go, runs } = useComparePage();
  const drawn = useDrawn();
  const dimensions = useDimensions([across, up]);
  const [x, y] = dimensions as [Dimension, Dimension];
  const option = useMemo(() => scatterOption(x, y, drawn), [x, y, drawn]);
  const now = useRef({ x, y, where: address.where, go });
  now.current = { x, y, where: address.where, go };
  const onReady = (chart: EChartsType) => {
    chart.on("brushEnd", (event) => {
      const [area] = (event as unknown as BrushEnd).areas;
      if (!area) return;
      const { where } = now.current;
      const [horizontal, vertical] = area.coordRange;
      const first = withCondition(where, now.current.x.key, brushed(now.current.x, ...horizontal));
      now.current.go({
        where: withCondition(first, now.current.y.key, brushed(now.current.y, ...vertical)),
      });
    });
  };
  return (
    <EChart
      option={option}
      height={360}
      brushes
      label={`${labelOf(up)} over ${labelOf(across)} of ${runs.length} runs`}
      onReady={onReady}
    />
  );
}

/** The same in words, for screen readers and for copying. */
function ValueTable({ keys }: { keys: readonly string[] }) {
  const { fields, runs, shown } = useComparePage();
  const listed = runs.filter((run) => shown.includes(run.id));
  const table = {
    head: ["run", ...keys.map(labelOf)],
    rows: listed.map((run) => [
      runLabel(run),
      ...keys.map((key) => written(fields.value(run.id, key))),
    ]),
  };
  return (
    <>
      <p className={styles.copies}>
        <CopyTable what="Table" table={table} />
      </p>
      <Table>
        <caption className="visually-hidden">Config fields and results of each run.</caption>
        <thead>
          <tr>
            {table.head.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {listed.map((run, row) => (
            <tr key={run.id}>
              <th scope="row">{runLabel(run)}</th>
              {keys.map((key, column) => (
                <td key={key}>{table.rows[row]?.[column + 1]}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </Table>
    </>
  );
}
