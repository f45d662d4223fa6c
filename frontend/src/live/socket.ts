/**
 * A WebSocket that comes back by itself.
 *
 * It says whether updates flow (`open`), are being awaited (`connecting`, `paused`) or were refused
 * for good (`refused`). What was missed meanwhile is asked for through `afterSeq`.
 */

export type SocketStatus = "connecting" | "open" | "paused" | "refused";

export interface SocketOptions {
  onMessage: (message: unknown) => void;
  onStatus?: (status: SocketStatus) => void;
  /** Newest sequence number already here; asked again before each connection. */
  afterSeq?: () => number;
}

export interface Connection {
  close(): void;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** The server pings each 15 s; after two missed pings the line is dead. */
const SILENCE_MS = 40_000;
/** Close codes from here to 4499 mean no: not signed in, no such run. */
const REFUSED_FROM = 4400;

/** Wait before try number `attempt` (from 0): doubles up to 10 s, with half of it random. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return full / 2 + (full / 2) * random();
}

/** Opens `path` on this page's host and keeps it open until `close()`. */
export function connect(path: string, options: SocketOptions): Connection {
  const connection = new Reconnecting(path, options);
  connection.open();
  return connection;
}

class Reconnecting implements Connection {
  private socket: WebSocket | null = null;
  private failures = 0;
  private timer: number | undefined;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly options: SocketOptions,
  ) {
    window.addEventListener("online", this.retryNow);
    document.addEventListener("visibilitychange", this.retryNow);
  }

  open(): void {
    const socket = new WebSocket(this.url());
    this.socket = socket;
    socket.onopen = () => {
      this.options.onStatus?.("open");
      this.watch();
    };
    socket.onmessage = (message) => {
      this.failures = 0;
      this.watch();
      this.options.onMessage(JSON.parse(message.data as string));
    };
    socket.onclose = (event) => this.lost(event.code);
  }

  close(): void {
    this.closed = true;
    window.removeEventListener("online", this.retryNow);
    document.removeEventListener("visibilitychange", this.retryNow);
    window.clearTimeout(this.timer);
    this.drop();
  }

  private lost(code: number): void {
    this.drop();
    window.clearTimeout(this.timer);
    if (code >= REFUSED_FROM && code < 4500) {
      this.closed = true;
      this.options.onStatus?.("refused");
      return;
    }
    this.options.onStatus?.("paused");
    this.timer = window.setTimeout(() => this.open(), backoff(this.failures++));
  }

  /** Lets go of the socket without hearing from it again. */
  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private watch(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.lost(0), SILENCE_MS);
  }

  private readonly retryNow = (): void => {
    if (this.closed || this.socket || document.visibilityState === "hidden") return;
    window.clearTimeout(this.timer);
    this.open();
  };

  private url(): string {
    const url = new URL(this.path, window.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const afterSeq = this.options.afterSeq?.();
    if (afterSeq !== undefined) url.searchParams.set("after_seq", String(afterSeq));
    return url.toString();
  }
}
