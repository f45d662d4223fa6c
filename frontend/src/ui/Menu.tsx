import { type KeyboardEvent, type ReactElement, type ReactNode, useId, useRef } from "react";
import styles from "./Menu.module.css";

export interface MenuItem {
  label: string;
  icon?: ReactNode;
  danger?: boolean;
  disabled?: boolean;
  onSelect: () => void;
}

interface TriggerProps {
  "aria-haspopup": "menu";
  onClick: (event: { currentTarget: HTMLElement }) => void;
}

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  /** The button that opens the menu; spread the props on it. */
  trigger: (props: TriggerProps) => ReactElement;
}

/** A menu below a button; arrow keys move, Escape and a click beside it close it. */
export function Menu({ label, items, trigger }: MenuProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLElement>(null);

  const open = (event: { currentTarget: HTMLElement }) => {
    const menu = list.current;
    if (!menu) return;
    opener.current = event.currentTarget;
    menu.showPopover();
    place(menu, event.currentTarget.getBoundingClientRect());
    focusItem(menu, 0);
  };
  const close = () => {
    list.current?.hidePopover();
    opener.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.key === "Escape" || event.key === "Tab") close();
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    focusItem(event.currentTarget, move);
  };

  return (
    <>
      {trigger({ "aria-haspopup": "menu", onClick: open })}
      <div
        ref={list}
        id={id}
        role="menu"
        aria-label={label}
        tabIndex={-1}
        popover="auto"
        className={styles.menu}
        onKeyDown={onKeyDown}
      >
        {items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            disabled={item.disabled}
            className={item.danger ? styles.danger : styles.item}
            onClick={() => {
              close();
              item.onSelect();
            }}
          >
            {item.icon}
            {item.label}
          </button>
        ))}
      </div>
    </>
  );
}

/** Moves the focus by `move` items, round the ends; 0 takes the first. */
function focusItem(menu: HTMLElement, move: number): void {
  const items = [...menu.querySelectorAll<HTMLElement>("[role=menuitem]:not(:disabled)")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = move === 0 ? 0 : (at + move + items.length) % items.length;
  items[next]?.focus();
}

function place(menu: HTMLElement, anchor: DOMRect): void {
  const { width, height } = menu.getBoundingClientRect();
  const below = anchor.bottom + 4;
  const fits = below + height < window.innerHeight;
  menu.style.left = `${Math.max(4, Math.min(anchor.left, window.innerWidth - width - 4))}px`;
  menu.style.top = `${fits ? below : Math.max(4, anchor.top - height - 4)}px`;
}
