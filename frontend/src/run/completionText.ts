/** Takes a completion apart for reading: reasoning, answer, mathematics. All of it stays text. */

export interface Part {
  kind: "think" | "answer" | "text";
  text: string;
  /** Its closing tag came. */
  closed: boolean;
}

const TAG = /<(think|answer)>/;

/** R1's form: <think>…</think><answer>…</answer>, with whatever stands around and between. */
export function partsOf(completion: string): Part[] {
  const parts: Part[] = [];
  let rest = completion;
  for (let tag = TAG.exec(rest); tag; tag = TAG.exec(rest)) {
    add(parts, "text", rest.slice(0, tag.index));
    const kind = tag[1] as "think" | "answer";
    rest = rest.slice(tag.index + tag[0].length);
    const end = rest.indexOf(`</${kind}>`);
    const closed = end >= 0;
    parts.push({ kind, text: closed ? rest.slice(0, end) : rest, closed });
    rest = closed ? rest.slice(end + kind.length + 3) : "";
  }
  add(parts, "text", rest);
  return parts;
}

function add(parts: Part[], kind: Part["kind"], text: string): void {
  if (text.trim()) parts.push({ kind, text, closed: true });
}

export interface Piece {
  kind: "text" | "math";
  text: string;
  /** On a line of its own. */
  display: boolean;
}

/** $$…$$, \[…\], \(…\), $…$ (not money), and a bare \boxed{…}. */
const MATH =
  /\$\$([^$]+)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$([^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)|(\\boxed\{(?:[^{}]|\{[^{}]*\})*\})/g;

/** Plain text and formulas, in order; together they are the whole text. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(MATH)) {
    const [whole, dollars, brackets, parens, dollar, boxed] = match;
    if (match.index > from)
      pieces.push({ kind: "text", text: text.slice(from, match.index), display: false });
    const formula = dollars ?? brackets ?? parens ?? dollar ?? boxed ?? "";
    const display = dollars !== undefined || brackets !== undefined;
    pieces.push({ kind: "math", text: formula, display });
    from = match.index + whole.length;
  }
  if (from < text.length) pieces.push({ kind: "text", text: text.slice(from), display: false });
  return pieces;
}
