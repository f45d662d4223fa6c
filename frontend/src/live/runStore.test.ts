import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { EventsMessage, RunEvent } from "./messages";
import { NameSet } from "./names";
import { type RunSnapshot, RunStore, type RunTransport } from "./runStore";
import type { Points, Series, SeriesSnapshot } from "./series";
import type { SocketOptions } from "./socket";

/** A run's server side: keeps every event and answers from them alone. */
class Server implements RunTransport {
  options: SocketOptions | null = null;
  fetches = 0;

  constructor(
    readonly events: RunEvent[],
    /** Newest event when the run and when its metrics are read. */
    readonly readAt: { run: number; metrics: number },
  ) {}

  async snapshot(names: readonly string[]): Promise<RunSnapshot> {
    const { run } = this.readAt;
    return {
      run: { ...stateAt(this.events, run), last_seq: run },
      metrics: await this.metrics(names),
    };
  }

  metrics(names: readonly string[]) {
    const { metrics } = this.readAt;
    const wanted = new NameSet(names);
    const series = seriesAt(this.events, metrics).filter(({ name }) => wanted.has(name));
    return Promise.resolve({ last_seq: metrics, series });
  }

  eventsAfter(seq: number): Promise<RunEvent[]> {
    this.fetches += 1;
    return Promise.resolve(this.events.slice(seq, seq + 7));
  }

  connect(options: SocketOptions) {
    this.options = options;
    options.onStatus?.("open");
    return { close: () => undefined };
  }
}

function stateAt(events: RunEvent[], seq: number) {
  let answer = { state: "queued", reason: "", step: 0 };
  for (const event of events.slice(0, seq)) {
    if (event.type === "state")
      answer = { ...answer, state: event.payload.to, reason: event.payload.reason };
    if (event.type === "metrics") answer = { ...answer, step: event.step };
    if (event.type === "started")
      answer = { ...answer, step: Math.min(answer.step, event.payload.start_step) };
  }
  return answer;
}

/** Independent of SeriesTable: every point with its fate, then split. */
function seriesAt(events: RunEvent[], seq: number): SeriesSnapshot[] {
  interface Row {
    name: string;
    attempt: number;
    step: number;
    time: number;
    value: number;
    old: boolean;
  }
  const rows: Row[] = [];
  for (const event of events.slice(0, seq)) {
    if (event.type === "started")
      for (const row of rows) row.old ||= row.step > (event.payload.start_step || -1);
    if (event.type === "metrics" || event.type === "evaluation")
      for (const [name, value] of Object.entries(event.payload.values))
        rows.push({
          name,
          attempt: event.attempt as number,
          step: event.step,
          time: event.payload.time,
          value: Number(value),
          old: false,
        });
  }
  const columns = (some: Row[]) => ({
    steps: some.map((row) => row.step),
    times: some.map((row) => row.time),
    values: some.map((row) => row.value),
  });
  return [...new Set(rows.map((row) => row.name))].map((name) => {
    const mine = rows.filter((row) => row.name === name);
    const current = mine.filter((row) => !row.old);
    const attempts = [...new Set(mine.filter((row) => row.old).map((row) => row.attempt))];
    return {
      name,
      ...columns(current),
      superseded: attempts.map((attempt) =>
        columns(mine.filter((row) => row.old && row.attempt === attempt)),
      ),
    };
  });
}

/** A run of several attempts, each going on somewhere before the end of the one before. */
const history = fc
  .array(fc.record({ steps: fc.integer({ min: 1, max: 9 }), back: fc.nat({ max: 6 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((attempts) => {
    const events: RunEvent[] = [];
    let step = 0;
    const add = (event: Pick<RunEvent, "type" | "payload"> & { attempt: number }) =>
      events.push({ seq: events.length + 1, step, at: "", ...event } as RunEvent);
    attempts.forEach(({ steps, back }, index) => {
      const attempt = index + 1;
      step = index === 0 ? 0 : Math.max(0, step - back);
      const state = { from: "queued", to: "running", reason: `attempt ${attempt}`, actor: "test" };
      add({ type: "state", attempt, payload: state });
      const started = { start_step: step, total_steps: 99, device: "cpu", dtype: "fp32" };
      add({ type: "started", attempt, payload: started });
      if (step === 0) {
        const values = { "eval/pass_at_1": attempt / 8 };
        add({ type: "evaluation", attempt, payload: { time: events.length, values } as never });
      }
      for (let n = 0; n < steps; n++) {
        step += 1;
        const values = { "reward/mean": step + attempt / 10, "kl/mean": step % 3 ? step : "NaN" };
        const time = events.length;
        add({ type: "metrics", attempt, payload: { time, values } as never });
      }
    });
    return events;
  });

function messagesOf(events: RunEvent[], cuts: readonly number[]): EventsMessage[] {
  const bounds = [...new Set([0, ...cuts.map((cut) => cut % events.length), events.length])];
  bounds.sort((a, b) => a - b);
  return bounds.slice(1).map((end, index) => {
    const part = events.slice(bounds[index], end);
    return {
      type: "events",
      run: 1,
      first_seq: part[0]?.seq ?? 0,
      last_seq: part.at(-1)?.seq ?? 0,
      events: end % 4 === 0 ? null : part,
    };
  });
}

function messageOf(events: readonly RunEvent[]): EventsMessage {
  const ends = { first_seq: events[0]?.seq ?? 0, last_seq: events.at(-1)?.seq ?? 0 };
  return { type: "events", run: 1, ...ends, events: [...events] };
}

function deferred<Value>() {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function contents(store: RunStore) {
  const { facts } = store.getView();
  return {
    seq: store.lastSeq,
    facts: { state: facts?.state, reason: facts?.reason, step: facts?.step },
    series: store.series.names().map((name) => {
      const { superseded, ...current } = store.series.get(name) as Series;
      const ends = [current.low, current.high, current.odd].map((column) => [...column.view()]);
      return { name, total: current.total, now: numbers(current), ends, old: numbers(superseded) };
    }),
  };
}

const numbers = ({ steps, times, values }: Points) =>
  [steps, times, values].map((column) => [...column.view()]);

/** Resolves as soon as the store has taken in event `seq`. */
function settled(store: RunStore, seq: number): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (store.lastSeq === seq) resolve();
    };
    store.subscribe(check);
    check();
  });
}

describe("snapshot and messages", () => {
  it("equal a fresh snapshot, whatever is lost, doubled or out of order", async () => {
    const cases = history.chain((events) =>
      fc.record({
        events: fc.constant(events),
        run: fc.nat({ max: events.length }),
        later: fc.nat({ max: events.length }),
        cuts: fc.array(fc.nat({ max: 60 }), { maxLength: 12 }),
        order: fc.array(fc.nat({ max: 40 }), { maxLength: 40 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ events, run, later, cuts, order }) => {
        const server = new Server(events, { run, metrics: Math.max(run, later) });
        const store = new RunStore(server);
        await store.start();
        const messages = messagesOf(events, cuts);
        for (const pick of order) server.options?.onMessage(messages[pick % messages.length]);
        server.options?.onMessage(messages.at(-1));
        await settled(store, events.length);

        const fresh = new RunStore(
          new Server(events, { run: events.length, metrics: events.length }),
        );
        await fresh.start();
        expect(contents(store)).toEqual(contents(fresh));
        store.stop();
        fresh.stop();
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it("equal a fresh snapshot for series that are asked for on the way, too", async () => {
    const cases = history.chain((events) =>
      fc.record({
        events: fc.constant(events),
        run: fc.nat({ max: events.length }),
        later: fc.nat({ max: events.length }),
        /** How many messages come before the series is asked for, and before its answer. */
        before: fc.nat({ max: 12 }),
        during: fc.nat({ max: 12 }),
        reloads: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ events, run, later, before, during, reloads }) => {
        const server = new Server(events, { run, metrics: Math.max(run, later) });
        const store = new RunStore(server, new NameSet(["reward/*"]));
        await store.start();
        const messages = events.map((event) => messageOf([event]));
        const tell = (from: number, to: number) => {
          for (const one of messages.slice(from, to)) server.options?.onMessage(one);
        };
        tell(run, run + before);
        const asked = Math.min(events.length, run + before);
        // As the server does: no answer is older than what was told before it was asked.
        server.readAt.metrics = Math.max(server.readAt.metrics, asked);
        const answer = deferred<void>();
        const metrics = server.metrics.bind(server);
        server.metrics = async (names) => {
          const read = await metrics(names);
          await answer.promise;
          return read;
        };
        store.need(["kl/mean", "eval/pass_at_1"]);
        await Promise.resolve();
        tell(asked, asked + during);
        if (reloads) server.options?.onMessage({ type: "hello", run: 1, last_seq: asked + 6_000 });
        answer.resolve();
        tell(0, events.length);
        await settled(store, events.length);
        await vi.waitFor(() => expect(store.series.others()).toEqual([]));

        const fresh = new RunStore(
          new Server(events, { run: events.length, metrics: events.length }),
        );
        await fresh.start();
        await vi.waitFor(() => expect(contents(store)).toEqual(contents(fresh)));
        store.stop();
        fresh.stop();
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it("learn only the names of series that nobody asked for", async () => {
    const [events] = fc.sample(history, { numRuns: 1, seed: 3 }) as [RunEvent[]];
    const store = new RunStore(
      new Server(events, { run: 0, metrics: 0 }),
      new NameSet(["kl/mean"]),
    );
    await store.start();
    store.receive(messageOf(events));
    expect(store.series.names()).toEqual(["kl/mean"]);
    expect(store.series.others()).toContain("reward/mean");
  });

  it("asks for nothing while messages come in order", async () => {
    const [events] = fc.sample(history, { numRuns: 1, seed: 3 }) as [RunEvent[]];
    const server = new Server(events, { run: 0, metrics: 0 });
    const store = new RunStore(server);
    await store.start();
    for (const event of events)
      server.options?.onMessage({
        type: "events",
        run: 1,
        first_seq: event.seq,
        last_seq: event.seq,
        events: [event],
      });
    expect(store.lastSeq).toBe(events.length);
    expect(server.fetches).toBe(0);
  });

  it("tries again when filling a gap fails, and loses nothing", async () => {
    vi.useFakeTimers();
    const [events] = fc.sample(history, { numRuns: 1, seed: 5 }) as [RunEvent[]];
    const server = new Server(events, { run: 0, metrics: 0 });
    const store = new RunStore(server);
    await store.start();
    const working = server.eventsAfter.bind(server);
    server.eventsAfter = () => Promise.reject(new Error("offline"));
    const [last] = messagesOf(events, []).slice(-1) as [EventsMessage];
    server.options?.onMessage({ ...last, events: null });
    await vi.advanceTimersByTimeAsync(100);
    expect(store.lastSeq).toBe(0);
    expect(store.getView().status).toBe("paused");
    server.eventsAfter = working;
    await vi.advanceTimersByTimeAsync(2_500);
    expect(store.lastSeq).toBe(events.length);
    expect(store.getView().status).toBe("open");
    vi.useRealTimers();
  });

  it("takes a new snapshot when it missed more than a replay is worth", async () => {
    const [events] = fc.sample(history, { numRuns: 1, seed: 7 }) as [RunEvent[]];
    const server = new Server(events, { run: 0, metrics: 0 });
    const store = new RunStore(server);
    await store.start();
    const snapshot = vi.spyOn(server, "snapshot");
    server.readAt.run = server.readAt.metrics = events.length;
    server.options?.onMessage({ type: "hello", run: 1, last_seq: 6_000 });
    await settled(store, events.length);
    expect(snapshot).toHaveBeenCalledOnce();
    expect(server.fetches).toBe(0);
  });

  it("keeps the error of a snapshot that could not be had, and starts again", async () => {
    const server = new Server([], { run: 0, metrics: 0 });
    const failure = new Error("no such run");
    const snapshot = vi.spyOn(server, "snapshot").mockRejectedValueOnce(failure);
    const store = new RunStore(server);
    await store.start();
    expect(store.getView()).toMatchObject({ error: failure, facts: null });
    await store.start();
    expect(store.getView()).toMatchObject({ error: null, status: "open" });
    expect(snapshot).toHaveBeenCalledTimes(2);
  });
});
