import { useEffect, useRef } from "react";
import { piecesOf } from "./completionText";

/** Text with its formulas set; KaTeX is loaded by the first formula in sight. */
export function MathText({ text }: { text: string }) {
  return piecesOf(text).map((piece, place) =>
    piece.kind === "math" ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: pieces are their places
      <Formula key={place} source={piece.text} display={piece.display} />
    ) : (
      piece.text
    ),
  );
}

/** The source stands there until it is set, and stays when it cannot be. */
function Formula({ source, display }: { source: string; display: boolean }) {
  const place = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let gone = false;
    import("./katex").then(
      ({ setFormula }) => {
        if (!gone && place.current) setFormula(place.current, source, display);
      },
      () => {}, // the server is away: the source stays
    );
    return () => {
      gone = true;
    };
  }, [source, display]);
  return <span ref={place}>{source}</span>;
}
