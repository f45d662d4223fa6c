/** The end of a growing text, kept short enough for a page. */

export interface LogText {
  text: string;
  /** Byte at which the next piece begins; null before the first. */
  next: number | null;
  /** Bytes of the whole file. */
  size: number;
  /** What came before is not shown. */
  cut: boolean;
}

export const EMPTY_LOG: LogText = { text: "", next: null, size: 0, cut: false };

export const KEPT_CHARACTERS = 400_000;

interface Piece {
  text: string;
  offset: number;
  next_offset: number;
  size: number;
}

/** The log with `piece` at its end, the oldest whole lines dropped where it grew too long. */
export function appended(log: LogText, piece: Piece): LogText {
  // A file that is shorter than what was read was begun anew
  const goesOn = log.next !== null && piece.offset === log.next && piece.size >= log.size;
  const text = goesOn ? log.text + piece.text : piece.text;
  const cut = goesOn ? log.cut : piece.offset > 0;
  const end = { next: piece.next_offset, size: piece.size };
  if (text.length <= KEPT_CHARACTERS) return { text, cut, ...end };
  const from = text.indexOf("\n", text.length - KEPT_CHARACTERS) + 1;
  return { text: text.slice(from || text.length - KEPT_CHARACTERS), cut: true, ...end };
}
