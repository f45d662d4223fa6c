import { useMemo, useState } from "react";
import { blocksOf } from "./blocks";
import type { Range } from "./diff";
import { placesOf } from "./find";

export interface Finder {
  words: string;
  /** Where they stand in the text. */
  places: readonly Range[];
  /** The one that is shown, among them. */
  at: number;
  /** The same; another object each time that it is to be brought into sight. */
  here: { range: Range } | null;
  onWords: (words: string) => void;
  /** To the next one, or with −1 to the one before, and around the ends. */
  onMove: (by: number) => void;
}

/** What is looked for in a text, and how far one has come. */
export function useFinder(text: string): Finder {
  const [words, setWords] = useState("");
  const [moved, setMoved] = useState({ at: 0 });
  const places = useMemo(() => (words ? placesOf(text, blocksOf(text), words) : []), [text, words]);
  const here = useMemo(() => {
    const range = places[moved.at];
    return range ? { range } : null;
  }, [places, moved]);
  return {
    words,
    places,
    at: moved.at,
    here,
    onWords: (next) => {
      setWords(next);
      setMoved({ at: 0 });
    },
    onMove: (by) => {
      const count = places.length;
      if (count > 0) setMoved(({ at }) => ({ at: (at + by + count) % count }));
    },
  };
}
