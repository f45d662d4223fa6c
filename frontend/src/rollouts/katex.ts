import katex from "katex";
import "katex/dist/katex.min.css";

/** Sets a formula into `place`; what is not TeX stays as it was written. */
export function setFormula(place: HTMLElement, source: string, display: boolean): void {
  katex.render(source, place, {
    displayMode: display,
    throwOnError: false,
    trust: false,
    strict: "ignore",
    maxExpand: 200,
    maxSize: 20,
    output: "htmlAndMathml",
  });
}
