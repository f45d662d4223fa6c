import { useVirtualizer } from "@tanstack/react-virtual";
import { Star } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { useKeys } from "@/app/useKeys";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { classes } from "@/ui/classes";
import { EmptyState } from "@/ui/Message";
import styles from "./CompletionTable.module.css";
import { HeadCell } from "./HeadCell";
import type { CompletionRow } from "./queries";
import { type Column, columnsOf } from "./tableColumns";

const ROW_PX = 36;
const AHEAD = 10;

interface CompletionTableProps extends Pick<TabProps, "run" | "address" | "go"> {
  rows: readonly CompletionRow[];
  /** Of the reward, by name. */
  parts: readonly string[];
  cursor: number;
  onCursor: (place: number) => void;
  /** The end of the list came near. */
  onEnd: () => void;
}

/** One line a completion; only the lines in sight are in the page. */
export function CompletionTable(props: CompletionTableProps) {
  const { run, address, go, rows, parts, cursor, onCursor, onEnd } = props;
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: AHEAD,
    scrollPaddingStart: ROW_PX, // the head stays
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    if (last >= rows.length - AHEAD) end.current();
  }, [last, rows.length]);
  const place = Math.min(cursor, rows.length - 1);
  useEffect(() => {
    if (place >= 0) virtual.scrollToIndex(place, { align: "auto" });
  }, [place, virtual]);
  useRowKeys({ rows, place, onCursor, go });
  if (rows.length === 0)
    return <EmptyState title="No completion fits">Take a condition off.</EmptyState>;
  const columns = columnsOf(rows, parts);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key
    <div ref={box} className={classes("panel", styles.box)} tabIndex={0}>
      <table className={styles.table} aria-rowcount={rows.length + 1}>
        <caption className="visually-hidden">Completions of the run</caption>
        <thead>
          <tr>
            {columns.map(({ key, title, sort, isNumber }) => (
              <HeadCell
                key={key}
                title={title}
                field={sort}
                isNumber={isNumber}
                sort={address.sort}
                onSort={(sort) => go({ sort })}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          <Room px={items[0]?.start ?? 0} />
          {items.map(({ index }) => {
            const row = rows[index] as CompletionRow;
            return (
              <Line
                key={row.id}
                row={row}
                index={index}
                columns={columns}
                isCurrent={index === place}
                href={linkTo(run.id, {
                  ...address,
                  group: row.group_id,
                  completion: row.index,
                })}
                onOpen={() => onCursor(index)}
              />
            );
          })}
          <Room px={virtual.getTotalSize() - (items.at(-1)?.end ?? 0)} />
        </tbody>
      </table>
    </div>
  );
}

function useRowKeys({
  rows,
  place,
  onCursor,
  go,
}: Pick<CompletionTableProps, "rows" | "onCursor" | "go"> & { place: number }): void {
  const current = rows[place];
  const move = (by: number) => onCursor(Math.max(0, Math.min(rows.length - 1, place + by)));
  useKeys("All completions", [
    { keys: "j", label: "Next completion", run: () => move(1) },
    { keys: "k", label: "Completion before", run: () => move(-1) },
    {
      keys: "Enter o",
      label: "Read it",
      run: () => current && go({ group: current.group_id, completion: current.index }),
    },
  ]);
}

interface LineProps {
  row: CompletionRow;
  index: number;
  columns: readonly Column[];
  isCurrent: boolean;
  href: string;
  onOpen: () => void;
}

function Line({ row, index, columns, isCurrent, href, onOpen }: LineProps) {
  return (
    <tr aria-rowindex={index + 2} className={classes(isCurrent && styles.current)}>
      {columns.map(({ key, cell, isNumber }) => (
        <td key={key} className={classes(isNumber && "number", styles[key])}>
          {key === "step" ? (
            <Link href={href} onClick={onOpen}>
              {cell(row)}
              {row.starred && <Star size={12} aria-label="starred" fill="currentColor" />}
            </Link>
          ) : (
            cell(row)
          )}
        </td>
      ))}
    </tr>
  );
}

/** The height of lines that are not in the page. */
function Room({ px }: { px: number }) {
  return px > 0 ? <tr aria-hidden style={{ height: px }} /> : null;
}
