/**
 * The curves of many runs, as far as somebody looks at them.
 *
 * What charts ask for comes in a few requests; of runs under way only what is new is asked for
 * again. A run whose points may have been replaced is read anew.
 */

import { toNumber, type WireNumber } from "@/live/messages";
import { type SeriesSnapshot, SeriesTable } from "@/live/series";

export interface RunCurves {
  run: number;
  series: SeriesSnapshot[];
}

export interface CurveQuery {
  runs: readonly number[];
  names: readonly string[];
  maxPoints: number;
  fromStep?: number;
  toStep?: number;
}

export type FetchCurves = (query: CurveQuery) => Promise<RunCurves[]>;

/** Runs in one request. */
export const BATCH = 40;
const RETRY_MS = 2_000;
/** Points of all lines of a chart together, and of one. */
const ALL_POINTS = 24_000;
const [FEWEST, MOST] = [60, 1_000];
/** A line with so many times its points is thinned again. */
const LONGEST = 3;

export function pointsFor(runs: number): number {
  return Math.round(Math.min(MOST, Math.max(FEWEST, ALL_POINTS / Math.max(1, runs))));
}

export class CurveStore {
  version = 0;
  private runs: readonly number[] = [];
  private readonly tables = new Map<number, SeriesTable>();
  /** Series that are here, or on their way, by run. */
  private readonly held = new Map<number, Set<string>>();
  private readonly needed = new Map<string, number>();
  private readonly listeners = new Set<() => void>();
  private waiting = false;
  /** Answers that are under way. */
  private awaited = 0;
  private stopped = false;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly fetchCurves: FetchCurves) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getVersion = (): number => this.version;

  start(): void {
    this.stopped = false;
    this.ask();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
  }

  /** What is drawn of the page's runs. */
  show(runs: readonly number[]): void {
    this.runs = runs;
    this.ask();
  }

  table(run: number): SeriesTable {
    const known = this.tables.get(run) ?? new SeriesTable();
    this.tables.set(run, known);
    return known;
  }

  /** Follows these series until the function that it gives is called. */
  readonly need = (names: readonly string[]): (() => void) => {
    for (const name of names) this.needed.set(name, (this.needed.get(name) ?? 0) + 1);
    this.ask();
    return () => {
      for (const name of names) this.needed.set(name, (this.needed.get(name) ?? 1) - 1);
    };
  };

  /** These runs have come further: asks for what is new of what is held of them. */
  async advance(runs: readonly number[]): Promise<void> {
    const shown = runs.filter((run) => this.runs.includes(run) && this.held.has(run));
    const names = [...this.needed].flatMap(([name, count]) => (count > 0 ? [name] : []));
    if (shown.length === 0 || names.length === 0 || this.stopped) return;
    const ends = shown.map((run) => this.table(run).longest() && this.lastStep(run));
    const fromStep = Math.min(...ends) + 1;
    const maxPoints = MOST;
    for (const batch of batches(shown)) {
      const found = await this.fetchCurves({ runs: batch, names, maxPoints, fromStep });
      for (const curves of found) this.append(curves);
    }
    this.tell();
  }

  /** The points of these runs may have been replaced: reads them anew. */
  reload(runs: readonly number[]): void {
    for (const run of runs) {
      this.held.delete(run);
    }
    this.ask();
  }

  private lastStep(run: number): number {
    const table = this.table(run);
    const ends = table.names().map((name) => table.get(name)?.steps.at(-1) ?? 0);
    return Math.max(0, ...ends.filter(Number.isFinite));
  }

  private append({ run, series }: RunCurves): void {
    const held = this.held.get(run);
    if (!held) return;
    const table = this.table(run);
    for (const one of series) {
      if (!held.has(one.name)) continue;
      const before = table.get(one.name);
      const isReplaced = one.superseded?.some(({ steps }) => steps.length > 0);
      const isThinned = one.min !== null && one.min !== undefined;
      const isLong = (before?.steps.length ?? 0) > LONGEST * pointsFor(this.runs.length);
      if (isReplaced || isThinned || isLong) {
        this.reload([run]);
        return;
      }
      const last = before && before.steps.length > 0 ? before.steps.at(-1) : -1;
      one.steps.forEach((step, index) => {
        if (step <= last) return;
        const values = { [one.name]: one.values[index] as WireNumber };
        const payload = { time: toNumber(one.times[index] as number), values };
        table.apply({ seq: 0, type: "metrics", step, at: "", attempt: null, payload });
      });
    }
  }

  /** What is needed and not held, asked for together. */
  private ask(): void {
    if (this.waiting || this.stopped) return;
    this.waiting = true;
    queueMicrotask(() => {
      this.waiting = false;
      const names = [...this.needed].flatMap(([name, count]) => (count > 0 ? [name] : []));
      const missing = new Map<string, number[]>();
      for (const run of this.runs) {
        const held = this.held.get(run) ?? new Set();
        const lacking = names.filter((name) => !held.has(name));
        if (lacking.length === 0) continue;
        const key = lacking.join();
        missing.set(key, [...(missing.get(key) ?? []), run]);
        this.held.set(run, new Set([...held, ...lacking]));
      }
      for (const [key, runs] of missing) {
        for (const batch of batches(runs)) void this.take(batch, key.split(","));
      }
    });
  }

  private async take(runs: readonly number[], names: readonly string[]): Promise<void> {
    const maxPoints = pointsFor(this.runs.length);
    this.awaited += 1;
    try {
      const found = await this.fetchCurves({ runs, names, maxPoints });
      for (const { run, series } of found) this.table(run).add(series);
    } catch {
      // The charts stay empty meanwhile.
      for (const run of runs) for (const name of names) this.held.get(run)?.delete(name);
      if (!this.stopped) this.retry = setTimeout(() => this.ask(), RETRY_MS);
    } finally {
      // Every chart is built anew with the lines that came: once for all of them.
      this.awaited -= 1;
      if (this.awaited === 0) this.tell();
    }
  }

  private tell(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

export function batches(runs: readonly number[]): number[][] {
  const count = Math.ceil(runs.length / BATCH);
  return Array.from({ length: count }, (_, at) => runs.slice(at * BATCH, (at + 1) * BATCH));
}
