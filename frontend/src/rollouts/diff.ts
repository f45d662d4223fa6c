/** What changed between two texts, word by word: Myers, "An O(ND) Difference Algorithm" (1986). */

/** From a character to the one after the last, counted in UTF-16 units. */
export type Range = readonly [number, number];

export interface Difference {
  removed: Range[];
  added: Range[];
}

/** Words that may differ before two texts count as different altogether. */
const MOST = 1500;
/** A space, a letter of a script without spaces, a word, or any other sign. */
const WORD =
  /\s+|[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{M}\p{N}_]+|[\s\S]/gu;

/** The words that only one of them has; null when nearly nothing is left. */
export function difference(before: string, after: string): Difference | null {
  const [a, b] = [wordsOf(before), wordsOf(after)];
  const first = commonStart(a, b);
  const last = commonEnd(a, b, first);
  const path = shortestPath(a.slice(first, a.length - last), b.slice(first, b.length - last));
  if (!path) return null;
  return {
    removed: rangesOf(a, shifted(path.removed, first)),
    added: rangesOf(b, shifted(path.added, first)),
  };
}

function wordsOf(text: string): string[] {
  return text.match(WORD) ?? [];
}

function commonStart(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < Math.min(a.length, b.length) && a[count] === b[count]) count += 1;
  return count;
}

function commonEnd(a: readonly string[], b: readonly string[], start: number): number {
  let count = 0;
  const most = Math.min(a.length, b.length) - start;
  while (count < most && a[a.length - 1 - count] === b[b.length - 1 - count]) count += 1;
  return count;
}

interface Path {
  /** Indexes, rising. */
  removed: number[];
  added: number[];
}

/** The fewest words to take out of `a` and put in of `b`; null where these are too many. */
function shortestPath(a: readonly string[], b: readonly string[]): Path | null {
  const trace = furthest(a, b);
  if (!trace) return null;
  const path: Path = { removed: [], added: [] };
  let [x, y] = [a.length, b.length];
  for (let d = trace.length - 1; d > 0; d--) {
    const reached = trace[d - 1] as Int32Array; // by diagonal, the middle one at d − 1
    const at = (diagonal: number) => reached[diagonal + d - 1] ?? -1;
    const k = x - y;
    const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const from = down ? k + 1 : k - 1;
    x = at(from);
    y = x - from;
    if (down) path.added.push(y);
    else path.removed.push(x);
  }
  return { removed: path.removed.reverse(), added: path.added.reverse() };
}

/** How far along each diagonal one comes with 0, 1, 2, … changes, until both ends are reached. */
function furthest(a: readonly string[], b: readonly string[]): Int32Array[] | null {
  const trace: Int32Array[] = [];
  for (let d = 0; d <= Math.min(MOST, a.length + b.length); d++) {
    const before = trace[d - 1];
    const reached = new Int32Array(2 * d + 1);
    const at = (diagonal: number) => before?.[diagonal + d - 1] ?? -1;
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && at(k - 1) < at(k + 1));
      let x = d === 0 ? 0 : down ? at(k + 1) : at(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reached[k + d] = x;
      if (x >= a.length && x - k >= b.length) return [...trace, reached];
    }
    trace.push(reached);
  }
  return null;
}

function shifted(indexes: readonly number[], by: number): number[] {
  return indexes.map((index) => index + by);
}

/** Where these words stand, neighbours as one. */
function rangesOf(words: readonly string[], indexes: readonly number[]): Range[] {
  const ranges: [number, number][] = [];
  let [next, place] = [0, 0];
  for (const index of indexes) {
    for (; next < index; next++) place += (words[next] as string).length;
    const end = place + (words[index] as string).length;
    const last = ranges.at(-1);
    if (last && last[1] === place) last[1] = end;
    else ranges.push([place, end]);
  }
  return ranges;
}

export interface MarkedPiece {
  text: string;
  isMarked: boolean;
}

/** A text that begins at `from`, cut where ranges begin and end. */
export function markedPieces(text: string, from: number, ranges: readonly Range[]): MarkedPiece[] {
  const pieces: MarkedPiece[] = [];
  let done = 0;
  const add = (end: number, isMarked: boolean) => {
    if (end > done) pieces.push({ text: text.slice(done, end), isMarked });
    done = Math.max(done, end);
  };
  for (const [start, end] of ranges) {
    if (end <= from) continue;
    if (start >= from + text.length) break;
    add(Math.max(0, start - from), false);
    add(Math.min(text.length, end - from), true);
  }
  add(text.length, false);
  return pieces;
}
