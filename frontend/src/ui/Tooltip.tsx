import { cloneElement, type ReactElement, useId, useRef } from "react";
import styles from "./Tooltip.module.css";

interface TooltipProps {
  text: string;
  shortcut?: string;
  /** One element that takes the pointer and the focus. */
  children: ReactElement<{ "aria-describedby"?: string }>;
}

/** Text that appears while the pointer or the focus is on its child. */
export function Tooltip({ text, shortcut, children }: TooltipProps) {
  const id = useId();
  const anchor = useRef<HTMLSpanElement>(null);
  const bubble = useRef<HTMLSpanElement>(null);

  const show = () => {
    const box = anchor.current?.firstElementChild?.getBoundingClientRect();
    if (!box || !bubble.current?.showPopover) return;
    bubble.current.showPopover();
    place(bubble.current, box);
  };
  const hide = () => bubble.current?.matches(":popover-open") && bubble.current.hidePopover();

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it listens to its child, which is interactive
    <span
      ref={anchor}
      className={styles.anchor}
      onPointerEnter={show}
      onPointerLeave={hide}
      onPointerDown={hide}
      onFocus={(event) => event.target.matches(":focus-visible") && show()}
      onBlur={hide}
    >
      {cloneElement(children, { "aria-describedby": id })}
      <span ref={bubble} id={id} role="tooltip" popover="manual" className={styles.bubble}>
        {text}
        {shortcut && <kbd className={styles.key}>{shortcut}</kbd>}
      </span>
    </span>
  );
}

/** Below the anchor, above it where there is no room; never outside the window. */
function place(bubble: HTMLElement, anchor: DOMRect): void {
  const { width, height } = bubble.getBoundingClientRect();
  const left = anchor.left + anchor.width / 2 - width / 2;
  const below = anchor.bottom + 6;
  const fits = below + height < window.innerHeight;
  bubble.style.left = `${Math.max(4, Math.min(left, window.innerWidth - width - 4))}px`;
  bubble.style.top = `${fits ? below : anchor.top - height - 6}px`;
}
