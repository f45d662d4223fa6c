import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { classes } from "@/ui/classes";
import styles from "./Columns.module.css";
import { CompletionFacts } from "./CompletionFacts";
import { LongText } from "./LongText";
import { MathText } from "./MathText";
import type { Cluster, Completion } from "./queries";

const NARROWEST_PX = 320;
const MOST = 4;
const GAP_PX = 8;

interface ColumnsProps {
  completions: readonly Completion[];
  clusters: readonly Cluster[];
  place: number;
  onMove: (place: number) => void;
  linkOf: (completion: number) => string;
}

/** Completions beside each other: up to four in sight, one on a phone; the rest by scrolling. */
export function Columns({ completions, clusters, place, onMove, linkOf }: ColumnsProps) {
  const box = useRef<HTMLUListElement>(null);
  const width = useColumnWidth(box, completions.length);
  const columns = useVirtualizer({
    horizontal: true,
    count: completions.length,
    getScrollElement: () => box.current,
    estimateSize: () => width,
    gap: GAP_PX,
    overscan: 1,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: columns change with the width
  useLayoutEffect(() => columns.measure(), [width, columns]);
  useEffect(() => {
    columns.scrollToIndex(place, { align: "auto" });
  }, [place, columns]);
  return (
    <ul ref={box} className={styles.scroller}>
      <li aria-hidden className={styles.room} style={{ width: columns.getTotalSize() }}>
        {completions.map(({ index }) => (
          <span key={index} className={styles.stop} style={{ width, marginRight: GAP_PX }} />
        ))}
      </li>
      {columns.getVirtualItems().map(({ index, start, size }) => {
        const completion = completions[index] as Completion;
        return (
          <li
            key={completion.index}
            className={styles.column}
            style={{ width: size, transform: `translateX(${start}px)` }}
          >
            <Column
              completion={completion}
              cluster={clusters.find(({ indexes }) => indexes.includes(completion.index))}
              isCurrent={index === place}
              onChoose={() => onMove(index)}
              href={linkOf(completion.index)}
            />
          </li>
        );
      })}
    </ul>
  );
}

/** As many columns as fit, each as wide as that allows. */
function useColumnWidth(box: React.RefObject<HTMLElement | null>, count: number): number {
  const [width, setWidth] = useState(NARROWEST_PX);
  useLayoutEffect(() => {
    const place = box.current;
    if (!place) return;
    const measure = () => {
      const room = place.clientWidth;
      const fit = Math.floor((room + GAP_PX) / (NARROWEST_PX + GAP_PX));
      const shown = Math.max(1, Math.min(MOST, count, fit));
      setWidth(Math.floor((room - GAP_PX * (shown - 1)) / shown));
    };
    measure();
    const resize = new ResizeObserver(measure);
    resize.observe(place);
    return () => resize.disconnect();
  }, [box, count]);
  return width;
}

interface ColumnProps {
  completion: Completion;
  /** Those that answer as it does. */
  cluster: Cluster | undefined;
  isCurrent: boolean;
  onChoose: () => void;
  href: string;
}

function Column({ completion, cluster, isCurrent, onChoose, href }: ColumnProps) {
  const { advantage, index, text } = completion;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys j and k choose, too
    <article
      aria-current={isCurrent || undefined}
      className={classes(
        styles.completion,
        advantage > 0 && styles.positive,
        advantage < 0 && styles.negative,
      )}
      onClick={onChoose}
    >
      <header className={styles.header}>
        <Link href={href} className={styles.name} aria-label={`Read completion ${index}`}>
          #{index}
        </Link>
        <CompletionFacts completion={completion} />
      </header>
      <p className={styles.answer}>
        answers{" "}
        <bdi>
          <MathText text={completion.parsed ?? cluster?.answer ?? "nothing"} />
        </bdi>
        {cluster && (cluster.right ?? cluster.expected) && (
          <span className={styles.expected}>
            {" "}
            {cluster.right ? "taken as right" : "as expected"}
          </span>
        )}
      </p>
      {Object.entries(completion.reasons).map(([name, reason]) => (
        <p key={name} className={styles.reason} dir="auto" title={reason}>
          {name}: {reason}
        </p>
      ))}
      <LongText text={text} label={`Completion ${index}`} />
    </article>
  );
}
