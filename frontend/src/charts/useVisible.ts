import { type RefObject, useEffect, useState } from "react";
import { useMediaQuery } from "@/ui/useMediaQuery";
import { inTurn } from "./turns";

/** Charts this far beyond the screen are drawn, so that they are there when they scroll in. */
const MARGIN = "400px";
const PRINTED = { visible: true, height: undefined };

/** Whether the element is on paper, on the screen or nearly so, and how high it was when it left. */
export function useVisible(element: RefObject<Element | null>) {
  const printed = useMediaQuery("print");
  const [seen, setSeen] = useState<{ visible: boolean; height?: number }>({ visible: false });
  useEffect(() => {
    if (!element.current) return;
    let takeBack = () => {};
    const observer = new IntersectionObserver(
      (entries) => {
        const newest = entries.at(-1);
        if (!newest) return;
        const { isIntersecting: visible, boundingClientRect } = newest;
        takeBack();
        // To build a chart takes most of a frame; to drop one, nothing.
        if (visible) takeBack = inTurn(() => setSeen({ visible }));
        else setSeen({ visible, height: boundingClientRect.height });
      },
      { rootMargin: MARGIN },
    );
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      takeBack();
    };
  }, [element]);
  return printed ? PRINTED : seen;
}
