import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { classes } from "@/ui/classes";
import { GroupCard } from "./GroupCard";
import styles from "./GroupList.module.css";
import type { Group } from "./queries";
import type { Sort } from "./rolloutOrder";

const ESTIMATED_PX = { compact: 320, wide: 520 };

interface GroupListProps {
  groups: readonly Group[];
  sort: Sort;
  compact: boolean;
  /** Place in the list of the group that the keys act on; -1 for none. */
  cursor: number;
  linkOf: (group: Group, completion?: number) => string;
  hasMore: boolean;
  onMore: () => void;
}

/** The groups of a step; only those in sight are in the page. */
export function GroupList(props: GroupListProps) {
  const { groups, sort, compact, cursor, linkOf, hasMore, onMore } = props;
  const box = useRef<HTMLUListElement>(null);
  const rows = useVirtualizer({
    count: groups.length,
    getScrollElement: () => box.current,
    estimateSize: () => (compact ? ESTIMATED_PX.compact : ESTIMATED_PX.wide),
    // Not the group's own key: the next step's groups take the places of this one's, without a jump
    getItemKey: (index) => groups[index]?.index ?? index,
    overscan: 2,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= groups.length - 2) onMore();
  }, [hasMore, last, groups.length, onMore]);
  useEffect(() => {
    if (cursor >= 0) rows.scrollToIndex(cursor, { align: "auto" });
  }, [cursor, rows]);

  return (
    <ul ref={box} className={styles.scroller}>
      <li aria-hidden style={{ height: items[0]?.start ?? 0 }} />
      {items.map((item) => {
        const group = groups[item.index] as Group;
        return (
          <li
            key={item.key}
            ref={rows.measureElement}
            data-index={item.index}
            className={classes(styles.row, item.index === cursor && styles.current)}
          >
            <GroupCard group={group} sort={sort} compact={compact} linkOf={linkOf} />
          </li>
        );
      })}
      <li aria-hidden style={{ height: rows.getTotalSize() - (items.at(-1)?.end ?? 0) }} />
    </ul>
  );
}
