/** Finds words in one completion, of which only the blocks in sight are in the page. */

import type { Block } from "./blocks";
import type { Range } from "./diff";

/** Where the words stand, as they are written but for the case of letters; tags are not shown. */
export function placesOf(text: string, blocks: readonly Block[], words: string): Range[] {
  if (words.trim() === "") return [];
  const literal = words.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const found: Range[] = [];
  let at = 0;
  for (const { index, 0: match } of text.matchAll(new RegExp(literal, "giu"))) {
    while (at < blocks.length && endOf(blocks[at] as Block) <= index) at += 1;
    const block = blocks[at];
    if (block && block.from <= index) found.push([index, index + match.length]);
  }
  return found;
}

/** Those of which some of the block is part. */
export function within(block: Block, places: readonly Range[]): readonly Range[] {
  if (places.length === 0) return places; // the same one, so that nothing is drawn anew
  return places.filter(([from, to]) => to > block.from && from < endOf(block));
}

function endOf(block: Block): number {
  return block.from + block.text.length;
}
