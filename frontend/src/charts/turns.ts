/** Work that waits for its turn: one piece a frame, so that none makes a frame late. */

const waiting: (() => void)[] = [];

/** Calls `work` in a frame of its own, first come, first served; returns what takes it back. */
export function inTurn(work: () => void): () => void {
  waiting.push(work);
  if (waiting.length === 1) requestAnimationFrame(next);
  return () => {
    const place = waiting.indexOf(work);
    if (place >= 0) waiting.splice(place, 1);
  };
}

function next(): void {
  waiting.shift()?.();
  if (waiting.length > 0) requestAnimationFrame(next);
}
