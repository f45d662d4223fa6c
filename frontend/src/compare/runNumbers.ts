/** Many runs in few words, as an address and the server take them: `12,15,20-29`. */

/** More are left out: an address is only so long. */
export const MOST_RUNS = 3_000;

/** The numbers, each once, in the order given; what is no number is passed over. */
export function parseRuns(text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [, first, last = first] = part.trim().match(/^(\d{1,15})(?:-(\d{1,15}))?$/) ?? [];
    if (first === undefined) continue;
    for (let run = Number(first); run <= Number(last) && found.size < MOST_RUNS; run++) {
      found.add(run);
    }
  }
  return [...found];
}

/** Three and more in a row become a range; the order stays. */
export function formatRuns(runs: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0; from < runs.length; ) {
    let to = from;
    while (runs[to + 1] === (runs[to] as number) + 1) to += 1;
    const [first, last] = [runs[from] as number, runs[to] as number];
    parts.push(to - from >= 2 ? `${first}-${last}` : String(first));
    from = to - from >= 2 ? to + 1 : from + 1;
  }
  return parts.join(",");
}
