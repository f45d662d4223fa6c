import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoff, type Connection, connect, type SocketStatus } from "./socket";

/** The browser's WebSocket with the wire cut off: tests play the server. */
class WireEnd {
  static all: WireEnd[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;

  constructor(readonly url: string) {
    WireEnd.all.push(this);
  }

  close() {
    this.closed = true;
  }
}

const newest = () => WireEnd.all.at(-1) as WireEnd;

describe("connect", () => {
  let connection: Connection;
  let statuses: SocketStatus[];
  let messages: unknown[];
  let seq: number;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("WebSocket", WireEnd);
    WireEnd.all = [];
    [statuses, messages, seq] = [[], [], 40];
    connection = connect("/ws/runs/12", {
      onMessage: (message) => messages.push(message),
      onStatus: (status) => statuses.push(status),
      afterSeq: () => seq,
    });
  });

  afterEach(() => {
    connection.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("asks for everything after what is here, and hands on what comes", () => {
    expect(newest().url).toBe("ws://localhost:3000/ws/runs/12?after_seq=40");
    newest().onopen?.();
    newest().onmessage?.({ data: '{"type":"ping"}' });
    expect(statuses).toEqual(["open"]);
    expect(messages).toEqual([{ type: "ping" }]);
  });

  it("comes back after a loss, from the newest event on", () => {
    newest().onopen?.();
    seq = 55;
    newest().onclose?.({ code: 1006 });
    expect(statuses).toEqual(["open", "paused"]);
    vi.advanceTimersByTime(250);
    expect(WireEnd.all).toHaveLength(2);
    expect(newest().url).toContain("after_seq=55");
    newest().onopen?.();
    expect(statuses.at(-1)).toBe("open");
  });

  it("takes a silent line for a dead one", () => {
    newest().onopen?.();
    vi.advanceTimersByTime(39_000);
    newest().onmessage?.({ data: '{"type":"ping"}' });
    vi.advanceTimersByTime(39_000);
    expect(statuses).toEqual(["open"]);
    vi.advanceTimersByTime(2_000);
    expect(statuses).toEqual(["open", "paused"]);
    expect(WireEnd.all[0]?.closed).toBe(true);
  });

  it("does not come back after a refusal", () => {
    newest().onclose?.({ code: 4404 });
    vi.advanceTimersByTime(60_000);
    expect(statuses).toEqual(["refused"]);
    expect(WireEnd.all).toHaveLength(1);
  });

  it("tries at once when the network is back", () => {
    for (let lost = 0; lost < 8; lost++) {
      newest().onclose?.({ code: 1006 });
      if (lost < 7) vi.advanceTimersByTime(10_000);
    }
    const before = WireEnd.all.length;
    window.dispatchEvent(new Event("online"));
    expect(WireEnd.all).toHaveLength(before + 1);
  });
});

describe("backoff", () => {
  it("grows to ten seconds, never below half of its step", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, dice) => {
          const full = Math.min(10_000, 250 * 2 ** attempt);
          const delay = backoff(attempt, () => dice);
          expect(delay).toBeGreaterThanOrEqual(full / 2);
          expect(delay).toBeLessThanOrEqual(full);
        },
      ),
    );
  });
});
