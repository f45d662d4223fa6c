import {
  flexRender,
  getCoreRowModel,
  type Header,
  type Row,
  type RowSelectionState,
  useReactTable,
} from "@tanstack/react-table";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp, Play, Square } from "lucide-react";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { RunRow } from "@/api/queries";
import { IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { useMediaQuery } from "@/ui/useMediaQuery";
import { useWidth } from "@/ui/useWidth";
import { canResume, canStop } from "./actions";
import { columnsWith, fitting, tracks } from "./columns";
import { nextSort, type Sort } from "./filters";
import styles from "./RunsTable.module.css";

const ROW_PX = 36;
const CARD_PX = 76;
const AHEAD = 8;

interface RunsTableProps {
  runs: RunRow[];
  /** Metrics that have a column of their own. */
  metrics: readonly string[];
  sort: Sort;
  onSort: (sort: Sort) => void;
  /** Index of the row that the keys act on; -1 for none. */
  cursor: number;
  selected: RowSelectionState;
  onSelect: (selected: RowSelectionState) => void;
  onStop: (run: RunRow) => void;
  onResume: (run: RunRow) => void;
  /** The end of the list came near. */
  onEnd: () => void;
}

/** One line a run; only the lines in view are drawn. */
export function RunsTable(props: RunsTableProps) {
  const { runs, metrics, selected, cursor, onEnd } = props;
  const frame = useRef<HTMLDivElement>(null);
  const room = useWidth(frame);
  const columns = useMemo(() => columnsWith(metrics), [metrics]);
  const shown = useMemo(() => fitting(columns, room), [columns, room]);
  const table = useReactTable({
    data: runs,
    columns: shown,
    getRowId: (run) => String(run.id),
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    state: { rowSelection: selected },
    onRowSelectionChange: (update) =>
      props.onSelect(typeof update === "function" ? update(selected) : update),
  });
  const rows = table.getRowModel().rows;
  const body = useRef<HTMLDivElement>(null);
  const virtual = useRowWindow(body, rows.length);
  const drawn = virtual.getVirtualItems();
  const last = drawn.at(-1)?.index ?? 0;

  useEffect(() => {
    if (last >= rows.length - AHEAD) onEnd();
  }, [last, rows.length, onEnd]);
  useEffect(() => {
    if (cursor >= 0) virtual.scrollToIndex(cursor, { align: "auto" });
  }, [cursor, virtual]);

  return (
    // biome-ignore lint/a11y/useSemanticElements: rows in a scrolled window are placed by hand
    <div
      ref={frame}
      role="table"
      aria-label="Runs"
      aria-rowcount={rows.length + 1}
      className={styles.table}
      style={tracks(shown)}
    >
      <HeadRow headers={table.getFlatHeaders()} sort={props.sort} onSort={props.onSort} />
      <div ref={body} className={styles.body} style={{ height: virtual.getTotalSize() }}>
        {drawn.map(({ index, start, size }) => {
          const row = rows[index];
          if (!row) return null;
          const top = start - virtual.options.scrollMargin;
          return (
            <RunLine
              key={row.id}
              row={row}
              index={index}
              style={{ height: size, transform: `translateY(${top}px)` }}
              current={index === cursor}
              onStop={props.onStop}
              onResume={props.onResume}
            />
          );
        })}
      </div>
    </div>
  );
}

function useRowWindow(body: React.RefObject<HTMLDivElement | null>, count: number) {
  const cards = useMediaQuery("(max-width: 720px)");
  const [scrollMargin, setScrollMargin] = useState(0);
  useLayoutEffect(() => {
    setScrollMargin(body.current?.offsetTop ?? 0);
  }, [body]);
  const virtual = useWindowVirtualizer({
    count,
    estimateSize: () => (cards ? CARD_PX : ROW_PX),
    overscan: AHEAD,
    scrollMargin,
    scrollPaddingStart: 96,
    scrollPaddingEnd: 64,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines change their height with `cards`
  useLayoutEffect(() => virtual.measure(), [cards, virtual]);
  return virtual;
}

interface HeadRowProps {
  headers: Header<RunRow, unknown>[];
  sort: Sort;
  onSort: (sort: Sort) => void;
}

function HeadRow({ headers, sort, onSort }: HeadRowProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the table
    // biome-ignore lint/a11y/useFocusableInteractive: a row of a table takes no focus
    <div role="row" className={classes(styles.row, styles.head)}>
      <span className={styles.select} />
      {headers.map((header) => {
        const { className, sort: field, first } = header.column.columnDef.meta ?? {};
        const title = flexRender(header.column.columnDef.header, header.getContext());
        const order = field && orderOf(sort, field);
        return (
          // biome-ignore lint/a11y/useSemanticElements: see the table
          // biome-ignore lint/a11y/useFocusableInteractive: its button does
          <span
            key={header.id}
            role="columnheader"
            aria-sort={order || undefined}
            className={className}
          >
            {field ? (
              <button type="button" onClick={() => onSort(nextSort(sort, field, first))}>
                {title}
                {order === "ascending" && <ArrowUp size={12} aria-hidden />}
                {order === "descending" && <ArrowDown size={12} aria-hidden />}
              </button>
            ) : (
              title
            )}
          </span>
        );
      })}
      <span className={styles.actions} />
    </div>
  );
}

function orderOf(sort: Sort, field: string): "ascending" | "descending" | undefined {
  if (sort === field) return "ascending";
  return sort === `-${field}` ? "descending" : undefined;
}

interface RunLineProps {
  row: Row<RunRow>;
  index: number;
  style: React.CSSProperties;
  current: boolean;
  onStop: (run: RunRow) => void;
  onResume: (run: RunRow) => void;
}

function RunLine({ row, index, style, current, onStop, onResume }: RunLineProps) {
  const run = row.original;
  const line = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (current) line.current?.querySelector("a")?.focus({ preventScroll: true });
  }, [current]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the table
    // biome-ignore lint/a11y/useFocusableInteractive: the link in it does
    <div
      ref={line}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={row.getIsSelected()}
      style={style}
      className={classes(styles.row, styles.line, current && styles.current)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements: see the table */}
      <span role="cell" className={styles.select}>
        <input
          type="checkbox"
          aria-label={`Select ${run.name} #${run.id}`}
          checked={row.getIsSelected()}
          onChange={row.getToggleSelectedHandler()}
        />
      </span>
      {row.getVisibleCells().map((cell) => (
        // biome-ignore lint/a11y/useSemanticElements: see the table
        <span key={cell.id} role="cell" className={cell.column.columnDef.meta?.className}>
          {flexRender(cell.column.columnDef.cell, cell.getContext())}
        </span>
      ))}
      {/* biome-ignore lint/a11y/useSemanticElements: see the table */}
      <span role="cell" className={styles.actions}>
        {canStop(run) && (
          <IconButton small label="Stop" onClick={() => onStop(run)}>
            <Square size={14} />
          </IconButton>
        )}
        {canResume(run) && (
          <IconButton small label="Resume" onClick={() => onResume(run)}>
            <Play size={14} />
          </IconButton>
        )}
      </span>
    </div>
  );
}
