import { type RefObject, useLayoutEffect, useState } from "react";

/** Width of an element in CSS pixels, as it changes; unlimited until it is known. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);
  useLayoutEffect(() => {
    if (!element.current || typeof ResizeObserver === "undefined") return;
    setWidth(element.current.clientWidth || Number.POSITIVE_INFINITY);
    const observer = new ResizeObserver(([entry]) => entry && setWidth(entry.contentRect.width));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}
