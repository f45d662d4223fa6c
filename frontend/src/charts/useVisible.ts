import { type RefObject, useEffect, useState } from "react";

/** Charts this far beyond the screen are drawn, so that they are there when they scroll in. */
const MARGIN = "400px";

/** Whether the element is on the screen or nearly so, and how high it was when that changed. */
export function useVisible(element: RefObject<Element | null>) {
  const [seen, setSeen] = useState<{ visible: boolean; height?: number }>({ visible: false });
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const newest = entries.at(-1);
        if (!newest) return;
        setSeen({ visible: newest.isIntersecting, height: newest.boundingClientRect.height });
      },
      { rootMargin: MARGIN },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return seen;
}
