import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { classes } from "@/ui/classes";
import { BlockText } from "./BlockText";
import { type Block, blocksOf } from "./blocks";
import type { Range } from "./diff";
import styles from "./LongText.module.css";

/** So few blocks are all in the page, where the browser's own search finds what is in them. */
const FEW = 24;
const AHEAD = 3;
const LINE_PX = 18;

interface LongTextProps {
  text: string;
  /** Said to screen readers. */
  label: string;
  /** What stands in place of a block's text. */
  render?: ((block: Block) => ReactNode) | undefined;
  /** The box that scrolls, for those who listen to it. */
  box?: RefObject<HTMLElement | null> | undefined;
  /** A stretch of the text to bring into sight, where `render` marks it as `data-here`. */
  here?: { range: Range } | null;
  className?: string | undefined;
}

/** A completion of any length in a box that scrolls; only the blocks in sight are in the page. */
export function LongText(props: LongTextProps) {
  const { text, label, render, box: given, here = null, className } = props;
  const own = useRef<HTMLElement>(null);
  const box = given ?? own;
  const blocks = useMemo(() => blocksOf(text), [text]);
  const [width, setWidth] = useState(0); // unknown until the box is laid out
  useLayoutEffect(() => setWidth(box.current?.clientWidth ?? 0), [box]);
  const rows = useVirtualizer({
    count: width > 0 ? blocks.length : 0,
    getScrollElement: () => box.current,
    estimateSize: (index) => heightOf(blocks[index] as Block, width),
    overscan: blocks.length <= FEW ? FEW : AHEAD,
  });
  useInSight(box, blocks, rows, here);
  const items = rows.getVirtualItems();
  const onKeyDown = (event: KeyboardEvent) => {
    // The browser knows only the heights that are estimated
    const end = { Home: 0, End: blocks.length - 1 }[event.key];
    if (end === undefined) return;
    event.preventDefault();
    rows.scrollToIndex(end, { align: end === 0 ? "start" : "end" });
  };
  return (
    <section
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls is reached by keyboard
      tabIndex={0}
      aria-label={label}
      className={classes(styles.box, className)}
      onKeyDown={onKeyDown}
    >
      {blocks.length === 0 && <p className={styles.nothing}>nothing</p>}
      <div style={{ height: items[0]?.start ?? 0 }} />
      {items.map(({ index, key }) => {
        const block = blocks[index] as Block;
        return (
          <div key={key} ref={rows.measureElement} data-index={index} className={styles.block}>
            <BlockText block={block}>{render?.(block)}</BlockText>
          </div>
        );
      })}
      <div style={{ height: rows.getTotalSize() - (items.at(-1)?.end ?? 0) }} />
    </section>
  );
}

/** Scrolls to the block of `here`, and once it is in the page to the very words. */
function useInSight(
  box: RefObject<HTMLElement | null>,
  blocks: readonly Block[],
  rows: Virtualizer<HTMLElement, Element>,
  here: LongTextProps["here"],
): void {
  const sought = useRef<LongTextProps["here"]>(null);
  useEffect(() => {
    sought.current = here;
    if (!here || !box.current || box.current.querySelector(HERE)) return;
    const index = blocks.findLastIndex(({ from }) => from <= here.range[0]);
    const [top] = rows.getOffsetForIndex(index, "start") ?? [];
    if (top !== undefined) box.current.scrollTop = top;
  }, [here, blocks, rows, box]);
  useEffect(() => {
    const mark = box.current?.querySelector(HERE);
    if (!sought.current || !mark || !box.current) return;
    sought.current = null;
    const below = mark.getBoundingClientRect().top - box.current.getBoundingClientRect().top;
    box.current.scrollTop += below - box.current.clientHeight / 3;
  });
}

const HERE = "[data-here]";
const CHARACTER_PX = 7.2;
const GUTTER_PX = 84;

/** About, before it is laid out. */
function heightOf({ text }: Block, width: number): number {
  const letters = Math.max(10, Math.floor((width - GUTTER_PX) / CHARACTER_PX));
  const lines = text.split("\n").map((line) => Math.max(1, Math.ceil(line.length / letters)));
  return lines.reduce((sum, count) => sum + count, 0) * LINE_PX;
}
