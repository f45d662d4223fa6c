/**
 * What the browser knows about one run: a snapshot by REST, then every event once and in order.
 *
 * Messages may come twice, out of order, or not at all; `seq` tells. A hole is filled from
 * `GET /runs/{id}/events`, so that snapshot + messages always equals a fresh snapshot. A run may have
 * hundreds of series: those that no chart asked for are not fetched.
 */

import { applyToFacts, type Facts, factsOf } from "./facts";
import type { EventsMessage, RunEvent, RunMessage } from "./messages";
import { NameSet } from "./names";
import { type SeriesSnapshot, SeriesTable } from "./series";
import type { Connection, SocketOptions, SocketStatus } from "./socket";

export interface RunSnapshot {
  run: { state: string; reason: string; step: number; last_seq: number };
  metrics: { last_seq: number; series: SeriesSnapshot[] };
}

/** Where the store gets its data; the browser's is in transport.ts, tests bring their own. */
export interface RunTransport {
  /** The run first, then its metrics: the metrics are never older. */
  snapshot(names: readonly string[]): Promise<RunSnapshot>;
  /** Series by name, or by how names begin (`system/*`). */
  metrics(names: readonly string[]): Promise<RunSnapshot["metrics"]>;
  /** Events after `seq`, oldest first, as many as the server gives at once. */
  eventsAfter(seq: number): Promise<RunEvent[]>;
  connect(options: SocketOptions): Connection;
}

export interface RunView {
  status: SocketStatus | "loading";
  facts: Facts | null;
  /** Rises with every change of the series. */
  seriesVersion: number;
  /** The error that keeps the first snapshot from coming. */
  error: unknown;
}

/** A gap larger than this is not worth replaying: a new snapshot is cheaper. */
const LONGEST_REPLAY = 2_000;
/** Points of a series beyond which a new snapshot, in buckets, is cheaper to draw and to keep. */
const LONGEST_SERIES = 4_000;
const RETRY_MS = 2_000;

export class RunStore {
  series: SeriesTable;
  /** Asked for by charts, and not here yet. */
  private asked = new NameSet();
  private asking = false;
  /** Events taken in since series were asked for: the answer may not know them. */
  private recent: RunEvent[] = [];
  private waiters: { seq: number; resolve: () => void }[] = [];
  private loads = 0;
  private view: RunView = { status: "loading", facts: null, seriesVersion: 0, error: null };
  private readonly listeners = new Set<() => void>();
  private connection: Connection | null = null;
  private waiting: EventsMessage[] = [];
  private seq = 0;
  private seriesSeq = 0;
  private socketStatus: SocketStatus = "connecting";
  private filling = false;
  private stopped = false;
  private starts = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private askAgain: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly transport: RunTransport,
    /** Series that are followed; charts ask for more of them. */
    private readonly held = new NameSet(["*"]),
  ) {
    this.series = new SeriesTable((name) => this.held.has(name));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getView = (): RunView => this.view;

  /** Newest event taken in. */
  get lastSeq(): number {
    return this.seq;
  }

  /** Takes the snapshot and follows the run until `stop()`. */
  async start(): Promise<void> {
    this.stopped = false;
    const start = ++this.starts;
    if (!(await this.load()) || start !== this.starts) return;
    this.connection = this.transport.connect({
      onMessage: (message) => this.receive(message as RunMessage),
      onStatus: (status) => {
        this.socketStatus = status;
        this.update({ status });
      },
      afterSeq: () => this.seq,
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    clearTimeout(this.askAgain);
    this.connection?.close();
    this.connection = null;
  }

  /** Follows these series too; what is asked for in one go is one request. */
  readonly need = (names: readonly string[]): void => {
    this.asked.add(names.filter((name) => !this.held.has(name)));
    if (!this.asking && this.loads > 0) this.ask();
  };

  private ask(): void {
    this.asking = !this.asked.isEmpty();
    if (this.asking) queueMicrotask(() => void this.fetchAsked(this.loads));
  }

  /** `load`: the snapshot that the answer completes; a newer one has the series already. */
  private async fetchAsked(load: number): Promise<void> {
    const names = this.asked.list();
    this.recent = [];
    try {
      const metrics = await this.transport.metrics(names);
      await this.reached(metrics.last_seq);
      if (!this.stopped && load === this.loads) this.takeIn(new NameSet(names), metrics);
    } catch {
      // The charts stay empty meanwhile.
      this.askAgain = setTimeout(() => {
        if (load === this.loads) void this.fetchAsked(load);
      }, RETRY_MS);
    }
  }

  private takeIn(names: NameSet, { last_seq, series }: RunSnapshot["metrics"]): void {
    const isNew = (name: string) => names.has(name) && !this.held.has(name);
    this.series.add(series.filter(({ name }) => isNew(name)));
    for (const event of this.recent) if (event.seq > last_seq) this.series.apply(event, isNew);
    this.hold(names);
    this.update({ seriesVersion: this.view.seriesVersion + 1 });
    this.ask();
  }

  private hold(names: NameSet): void {
    this.held.add(names.list());
    this.asked = new NameSet(this.asked.list().filter((name) => !this.held.has(name)));
  }

  /** Resolves once every event up to `seq` was taken in. */
  private reached(seq: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push({ seq, resolve });
      this.wake();
    });
  }

  private wake(): void {
    const ready = this.waiters.filter(({ seq }) => seq <= this.seq);
    this.waiters = this.waiters.filter(({ seq }) => seq > this.seq);
    for (const { resolve } of ready) resolve();
  }

  receive(message: RunMessage): void {
    switch (message.type) {
      case "ping":
        return;
      case "hello":
        if (message.last_seq - this.seq > LONGEST_REPLAY) void this.reload();
        return;
      case "events":
        this.waiting.push(message);
        this.drain();
    }
  }

  /** Applies every waiting message that fits; asks for what is missing before the next one. */
  private drain(): void {
    if (this.filling) return;
    this.waiting.sort((a, b) => a.first_seq - b.first_seq);
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      const old = next.last_seq <= this.seq;
      const hole = next.first_seq > this.seq + 1 || next.events === null;
      if (hole && !old) {
        void this.fill(next.last_seq);
        return;
      }
      this.waiting.shift();
      if (!old) this.applyAll(next.events ?? []);
    }
  }

  private async fill(upTo: number): Promise<void> {
    this.filling = true;
    try {
      while (this.seq < upTo && !this.stopped) {
        const events = await this.transport.eventsAfter(this.seq);
        if (events.length === 0) throw new Error(`events after ${this.seq} are not there yet`);
        this.applyAll(events);
      }
      this.filled();
    } catch {
      // Said by the page's «reconnecting»; what is missing stays missing until a try succeeds.
      this.retryLater(() => this.fill(upTo));
    }
  }

  private applyAll(events: readonly RunEvent[]): void {
    let facts = this.view.facts as Facts;
    let seriesChanged = false;
    for (const event of events) {
      if (event.seq <= this.seq) continue;
      this.seq = event.seq;
      facts = applyToFacts(facts, event);
      if (this.asking) this.recent.push(event);
      if (event.seq > this.seriesSeq) {
        this.series.apply(event);
        seriesChanged = true;
      }
    }
    const seriesVersion = this.view.seriesVersion + (seriesChanged ? 1 : 0);
    if (facts !== this.view.facts || seriesChanged) this.update({ facts, seriesVersion });
    this.wake();
    if (!this.filling && this.series.longest() > LONGEST_SERIES) void this.reload();
  }

  private async load(): Promise<boolean> {
    try {
      const names = new NameSet([...this.held.list(), ...this.asked.list()]);
      const { run, metrics } = await this.transport.snapshot(names.list());
      if (this.stopped) return false;
      this.hold(names);
      this.loads += 1;
      this.seq = run.last_seq;
      this.seriesSeq = metrics.last_seq;
      this.series = SeriesTable.from(metrics.series, (name) => this.held.has(name));
      const seriesVersion = this.view.seriesVersion + 1;
      this.update({ facts: factsOf(run, this.view.facts), seriesVersion, error: null });
      this.wake();
      this.ask();
      return true;
    } catch (error) {
      if (!this.stopped) this.update({ error });
      return false;
    }
  }

  /** Starts over from a fresh snapshot, keeping the connection. */
  private async reload(): Promise<void> {
    this.filling = true;
    if (await this.load()) this.filled();
    else this.retryLater(() => this.reload());
  }

  private filled(): void {
    this.filling = false;
    if (this.view.status !== this.socketStatus) this.update({ status: this.socketStatus });
    this.drain();
  }

  private retryLater(action: () => Promise<void>): void {
    if (this.stopped) return;
    this.update({ status: "paused" });
    this.retry = setTimeout(() => void action(), RETRY_MS);
  }

  private update(change: Partial<RunView>): void {
    this.view = { ...this.view, ...change };
    for (const listener of this.listeners) listener();
  }
}
