/** Cuts a completion into blocks to lay out one by one: however long it is, few are in the page. */

import { type Part, partsOf, piecesOf } from "./completionText";

export interface Block {
  kind: Part["kind"];
  /** In a fence of ```; prose otherwise. */
  isCode: boolean;
  /** What stands behind the fence that opens: «python». */
  language: string;
  text: string;
  /** Where it begins in the completion. */
  from: number;
  /** The first of its part bears the part's name. */
  isFirst: boolean;
  /** The last of a part whose closing tag never came. */
  isOpen: boolean;
}

/** Characters of a block, about; a formula is not cut. */
const LONGEST = 1200;
const FENCE = /^```([^`\n]*)\n([\s\S]*?)(?:^```[ \t]*(?:\n|$)|$(?![\s\S]))/gm;

/** Reasoning, answer and what stands around them, in order. */
export function blocksOf(completion: string): Block[] {
  return partsOf(completion).flatMap(blocksOfPart);
}

function blocksOfPart(part: Part): Block[] {
  const sections = sectionsOf(trimmed(part.text, part.from));
  const blocks = sections.flatMap(({ text, from, ...form }) =>
    cut(text, form.isCode).map((piece) => ({
      ...form,
      kind: part.kind,
      text: piece.text,
      from: from + piece.from,
      isFirst: false,
      isOpen: false,
    })),
  );
  const empty = { kind: part.kind, isCode: false, language: "", text: "", from: part.from };
  const all = blocks.length > 0 ? blocks : [{ ...empty, isFirst: true, isOpen: false }];
  const last = all.length - 1;
  return all.map((block, index) => ({
    ...block,
    isFirst: index === 0,
    isOpen: index === last && !part.closed,
  }));
}

interface Placed {
  text: string;
  from: number;
}

/** Without empty lines around it; spaces before the first word stay. */
function trimmed(text: string, from: number): Placed {
  const start = text.match(/^\s*\n/)?.[0].length ?? 0;
  return { text: text.slice(start).trimEnd(), from: from + start };
}

interface Section extends Placed {
  isCode: boolean;
  language: string;
}

/** Prose and fenced code, in turn. */
function sectionsOf({ text, from }: Placed): Section[] {
  const sections: Section[] = [];
  let done = 0;
  const prose = (end: number) => {
    if (text.slice(done, end).trim())
      sections.push({
        text: text.slice(done, end),
        from: from + done,
        isCode: false,
        language: "",
      });
  };
  for (const fence of text.matchAll(FENCE)) {
    const [whole, language = "", code = ""] = fence;
    prose(fence.index);
    const begin = fence.index + 4 + language.length;
    sections.push({ text: code, from: from + begin, isCode: true, language: language.trim() });
    done = fence.index + whole.length;
  }
  prose(text.length);
  return sections;
}

/** Pieces that are together the whole text. */
function cut(text: string, isCode: boolean): Placed[] {
  const formulas = isCode ? [] : formulasOf(text);
  const pieces: Placed[] = [];
  let from = 0;
  let next = 0; // the first formula that may stand across the end
  while (text.length - from > LONGEST) {
    let end = endOf(text, from);
    while (next < formulas.length && (formulas[next]?.end ?? 0) <= end) next += 1;
    const across = formulas[next];
    if (across && across.start < end) end = across.start > from ? across.start : across.end;
    pieces.push({ text: text.slice(from, end), from });
    from = end;
  }
  return from < text.length ? [...pieces, { text: text.slice(from), from }] : pieces;
}

/** Ends of pieces, best first: after a line of its own nothing moves. */
const BREAKS = ["\n\n", "\n", ". ", "。", " "];

function endOf(text: string, from: number): number {
  const window = text.slice(from, from + LONGEST);
  for (const mark of BREAKS) {
    const place = window.lastIndexOf(mark);
    if (place > LONGEST / 3) return from + place + mark.length;
  }
  const splits = /[\uD800-\uDBFF]$/.test(window); // half of a character
  return from + LONGEST - (splits ? 1 : 0);
}

function formulasOf(text: string): { start: number; end: number }[] {
  return piecesOf(text)
    .filter(({ kind }) => kind === "math")
    .map(({ from, whole }) => ({ start: from, end: from + whole }));
}
