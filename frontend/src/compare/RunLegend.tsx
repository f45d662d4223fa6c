import { useVirtualizer } from "@tanstack/react-virtual";
import { Ellipsis, Eye, EyeOff, Flag, Pin } from "lucide-react";
import { useRef } from "react";
import { Link } from "wouter";
import { toggled } from "@/charts/view";
import { IconButton } from "@/ui/Button";
import { classes } from "@/ui/classes";
import { formatNumber } from "@/ui/format";
import { Menu } from "@/ui/Menu";
import type { ComparedRun, Group } from "./fields";
import { labelOf } from "./fields";
import { useHighlighted } from "./highlight";
import type { Look } from "./looks";
import { MOST_DRAWN, runLabel, useComparePage } from "./page";
import styles from "./RunLegend.module.css";

const ROW_PX = 32;

type Row = { kind: "run"; run: ComparedRun } | { kind: "group"; group: Group & { look: Look } };

/** The runs of the page, which scrolls by itself when they are many. */
export function RunLegend() {
  const page = useComparePage();
  const box = useRef<HTMLUListElement>(null);
  const rows = rowsOf(page);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
    initialRect: { width: 264, height: 640 },
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  const left = page.shown.length - page.drawn.length;
  return (
    <aside className={classes("panel", styles.legend)} aria-label="Runs">
      <Scale />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard */}
      <ul ref={box} className={styles.list} tabIndex={0} aria-label="Runs and their colours">
        <li aria-hidden style={{ height: before }} />
        {items.map(({ index, key }) => {
          const row = rows[index] as Row;
          return row.kind === "group" ? (
            <GroupRow key={key} group={row.group} />
          ) : (
            <RunRow key={key} run={row.run} />
          );
        })}
        <li aria-hidden style={{ height: after }} />
      </ul>
      {left > 0 && (
        <p className={styles.note}>
          Charts draw the first {MOST_DRAWN} of the {formatNumber(page.shown.length, 0)} runs: pin
          those that matter. The tables have them all.
        </p>
      )}
    </aside>
  );
}

/** Groups, then all runs in their groups' colours. */
function rowsOf({ runs, groups }: ReturnType<typeof useComparePage>): Row[] {
  return [
    ...(groups ?? []).map((group): Row => ({ kind: "group", group })),
    ...runs.map((run): Row => ({ kind: "run", run })),
  ];
}

function RunRow({ run }: { run: ComparedRun }) {
  const { address, go, looks, baseline, highlight, shown } = useComparePage();
  const label = runLabel(run);
  const isHighlighted = useHighlighted(highlight) === label;
  const isHidden = address.hidden.includes(String(run.id));
  const isPinned = address.pinned.includes(run.id);
  const pinned = isPinned
    ? address.pinned.filter((id) => id !== run.id)
    : [...address.pinned, run.id];
  const others = address.runs.filter((id) => id !== run.id);
  return (
    <li
      className={classes(
        styles.row,
        isHighlighted && styles.highlighted,
        !shown.includes(run.id) && styles.hidden,
      )}
      onPointerEnter={() => highlight.set(label)}
      onPointerLeave={() => highlight.set(null)}
      onFocus={() => highlight.set(label)}
      onBlur={() => highlight.set(null)}
    >
      <button
        type="button"
        className={styles.eye}
        aria-pressed={!isHidden}
        aria-label={isHidden ? `Show ${label}` : `Hide ${label}`}
        onClick={() => go({ hidden: toggled(address.hidden, String(run.id)) })}
      >
        {isHidden ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
      </button>
      <Swatch look={looks.of(run.id)} />
      <Link href={`/runs/${run.id}`} className={styles.name} title={label}>
        {run.name}
        <span className={styles.number}> #{run.id}</span>
      </Link>
      {baseline === run.id && <Flag size={12} aria-label="Baseline" className={styles.mark} />}
      {isPinned && <Pin size={12} aria-label="Pinned" className={styles.mark} />}
      <Menu
        label={label}
        items={[
          { label: "Make it the baseline", onSelect: () => go({ baseline: run.id }) },
          { label: isPinned ? "Unpin" : "Pin to the top", onSelect: () => go({ pinned }) },
          {
            label: "Show only this one",
            onSelect: () => go({ hidden: others.map(String) }),
          },
          { label: "Show all", onSelect: () => go({ hidden: [] }) },
          {
            label: "Take it out",
            disabled: others.length === 0,
            onSelect: () => go({ runs: others }),
          },
        ]}
        trigger={(props) => (
          <IconButton small label={`More about ${label}`} {...props}>
            <Ellipsis size={14} />
          </IconButton>
        )}
      />
    </li>
  );
}

function GroupRow({ group }: { group: Group & { look: Look } }) {
  const { address, go, highlight, shown } = useComparePage();
  const isHighlighted = useHighlighted(highlight) === group.label;
  const ids = group.runs.map(String);
  const isHidden = ids.every((id) => address.hidden.includes(id));
  const others = address.hidden.filter((id) => !ids.includes(id));
  const count = group.runs.filter((run) => shown.includes(run)).length;
  return (
    <li
      className={classes(styles.row, styles.group, isHighlighted && styles.highlighted)}
      onPointerEnter={() => highlight.set(group.label)}
      onPointerLeave={() => highlight.set(null)}
    >
      <button
        type="button"
        className={styles.eye}
        aria-pressed={!isHidden}
        aria-label={isHidden ? `Show group ${group.label}` : `Hide group ${group.label}`}
        onClick={() => go({ hidden: isHidden ? others : [...others, ...ids] })}
      >
        {isHidden ? <EyeOff size={14} aria-hidden /> : <Eye size={14} aria-hidden />}
      </button>
      <Swatch look={group.look} />
      <span className={styles.name} title={`${labelOf(address.group)}: ${group.label}`}>
        {group.label}
      </span>
      <span className={styles.number}>{count}</span>
    </li>
  );
}

/** A stretch of the run's line. */
export function Swatch({ look }: { look: Look }) {
  return (
    <svg width={18} height={8} aria-hidden className={styles.swatch}>
      <line
        x1={0}
        x2={18}
        y1={4}
        y2={4}
        stroke={look.colour}
        strokeWidth={3}
        strokeDasharray={look.dash?.map((length) => length * 0.7).join(" ")}
      />
    </svg>
  );
}

/** What colours say, where they do not stand for runs. */
function Scale() {
  const { address, looks, groups } = useComparePage();
  const { colouring } = looks;
  if (colouring.kind === "runs" || groups) return null;
  return (
    <div className={styles.scale}>
      <p className={styles.field}>{labelOf(address.colour)}</p>
      {colouring.kind === "scale" ? (
        <>
          <svg width="100%" height={8} aria-hidden>
            <defs>
              <linearGradient id="compare-ramp">
                {colouring.ramp.map((colour, index) => (
                  <stop
                    key={colour}
                    offset={index / (colouring.ramp.length - 1)}
                    stopColor={colour}
                  />
                ))}
              </linearGradient>
            </defs>
            <rect width="100%" height={8} rx={2} fill="url(#compare-ramp)" />
          </svg>
          <p className={styles.ends}>
            <span>{formatNumber(colouring.low)}</span>
            {colouring.log && <span>logarithmic</span>}
            <span>{formatNumber(colouring.high)}</span>
          </p>
        </>
      ) : (
        <ul className={styles.entries}>
          {colouring.entries.map(({ label, look }) => (
            <li key={label}>
              <Swatch look={look} /> {label}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
