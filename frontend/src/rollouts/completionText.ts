/** Takes a completion apart for reading: reasoning, answer, mathematics. All of it stays text. */

export interface Part {
  kind: "think" | "answer" | "text";
  text: string;
  /** Where it begins in the completion. */
  from: number;
  /** Its closing tag came. */
  closed: boolean;
}

const TAG = /<(think|answer)>/g;

/** R1's form: <think>…</think><answer>…</answer>, with whatever stands around and between. */
export function partsOf(completion: string): Part[] {
  const parts: Part[] = [];
  const add = (part: Part) => {
    if (part.kind !== "text" || part.text.trim()) parts.push(part);
  };
  let from = 0;
  for (const tag of completion.matchAll(TAG)) {
    if (tag.index < from) continue; // within the part before
    add({ kind: "text", text: completion.slice(from, tag.index), from, closed: true });
    const kind = tag[1] as "think" | "answer";
    const begin = tag.index + tag[0].length;
    const end = completion.indexOf(`</${kind}>`, begin);
    const closed = end >= 0;
    const text = completion.slice(begin, closed ? end : undefined);
    add({ kind, text, from: begin, closed });
    from = closed ? end + kind.length + 3 : completion.length;
  }
  add({ kind: "text", text: completion.slice(from), from, closed: true });
  return parts;
}

export interface Piece {
  kind: "text" | "math";
  text: string;
  /** On a line of its own. */
  display: boolean;
  /** Where it begins, and how many characters it takes with its signs. */
  from: number;
  whole: number;
}

/** $$…$$, \[…\], \(…\), $…$ (not money), and a bare \boxed{…}; none so long that a text full of what is
 * never closed takes a time that grows with its square. */
const MATH =
  /\$\$([^$]{1,2000})\$\$|\\\[([\s\S]{1,2000}?)\\\]|\\\(([\s\S]{1,2000}?)\\\)|\$([^\s$](?:[^$\n]{0,2000}[^\s$])?)\$(?!\d)|(\\boxed\{(?:[^{}]|\{[^{}]{0,200}\}){0,500}\})/g;

/** Plain text and formulas, in order; together they are the whole text. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  const plain = (end: number) => {
    if (end > from)
      pieces.push({
        kind: "text",
        text: text.slice(from, end),
        display: false,
        from,
        whole: end - from,
      });
  };
  for (const match of text.matchAll(MATH)) {
    const [whole, dollars, brackets, parens, dollar, boxed] = match;
    plain(match.index);
    const formula = dollars ?? brackets ?? parens ?? dollar ?? boxed ?? "";
    const display = dollars !== undefined || brackets !== undefined;
    pieces.push({ kind: "math", text: formula, display, from: match.index, whole: whole.length });
    from = match.index + whole.length;
  }
  plain(text.length);
  return pieces;
}
