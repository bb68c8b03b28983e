// A WebSocket, a server and timers for tests, all in the hands of the test.
import type { ClientOptions, Socket, Timers } from "../src/index.ts";
import { Client } from "../src/index.ts";

export class FakeTimers implements Timers {
  #now = 0;
  #last = 0;
  readonly #due = new Map<number, { at: number; run: () => void }>();

  setTimeout(run: () => void, milliseconds: number): number {
    this.#due.set(++this.#last, { at: this.#now + milliseconds, run });
    return this.#last;
  }

  clearTimeout(timer: unknown): void {
    this.#due.delete(timer as number);
  }

  get size(): number {
    return this.#due.size;
  }

  /** Runs what is due in the next milliseconds, and what follows from it. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settle();
    for (;;) {
      const next = [...this.#due].filter(([, t]) => t.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined) {
        break;
      }
      this.#now = next[1].at;
      this.#due.delete(next[0]);
      next[1].run();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets promises that are ready continue. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export interface Sent {
  command: string;
  id: number;
  body?: any;
}

/** The end of a connection that a server holds. */
export class FakeSocket implements Socket {
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  readonly address: string;
  readonly sent: Sent[] = [];
  closed = false;

  constructor(address: string) {
    this.address = address;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** The newest request of a command. */
  last(command: string): Sent {
    const found = this.sent.filter((m) => m.command === command).at(-1);
    if (found === undefined) {
      throw new Error(`no ${command} among ${this.sent.map((m) => m.command).join(", ")}`);
    }
    return found;
  }

  reply(command: string, body?: unknown, result = "OK"): void {
    this.say({ command: `${command}Reply`, id: this.last(command).id, result, body });
  }

  push(command: string, id: number | string, body: unknown = {}): void {
    this.say({ command, id, body });
  }

  cut(): void {
    this.onclose?.({ code: 1006, reason: "" });
  }
}

export const history = "c2l4dGVlbiBieXRlcy4uLg==";

/** A client whose server is the test. */
export class Fixture {
  readonly timers = new FakeTimers();
  readonly sockets: FakeSocket[] = [];
  readonly client: Client;
  readonly events: string[] = [];

  constructor(options: Partial<ClientOptions> = {}) {
    const sockets = this.sockets;
    this.client = new Client({
      addresses: ["ws://one/ws", "ws://two/ws"],
      credential: async () => ({ customer: 100001, password: "secret" }),
      WebSocket: class extends FakeSocket {
        constructor(address: string) {
          super(address);
          sockets.push(this);
        }
      },
      timers: this.timers,
      random: () => 0,
      ...options,
    });
    this.client.on("state", (s) => this.events.push(s.name === "open" ? `open resumed=${s.resumed}` : s.name));
    this.client.on("snapshot", ({ why }) => this.events.push(`snapshot ${why}`));
    this.client.on("resumed", ({ missed }) => this.events.push(`resumed missed=${missed}`));
    this.client.on("push", (p) => this.events.push(`${p.command} ${p.sequence}`));
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** Opens the newest connection, and replies to its login. */
  login(reply: object = {}): void {
    this.socket.onopen?.({});
    this.socket.reply("Conn", { uid: "1", heartbeatInterval: "20000000000", serverVersion: "v9" });
    this.socket.reply("Login", { account: { customer: 100001, cash: "1000" }, historyId: history, ...reply });
  }

  /** Connects and logs in, with a snapshot as of a push. */
  async start(pushSequence = 5): Promise<this> {
    this.client.connect();
    await settle();
    this.login({ pushSequence: String(pushSequence) });
    await settle();
    return this;
  }

  /** Lets the delay pass until there is another connection. */
  async reconnect(): Promise<void> {
    const before = this.sockets.length;
    for (let i = 0; i < 1000 && this.sockets.length === before; i++) {
      await this.timers.advance(100);
    }
  }

  /** Logs in again, resumed from the push that the client has asked for. */
  async resume(): Promise<void> {
    await this.reconnect();
    this.socket.onopen?.({});
    const { resumeFrom } = this.socket.last("Login").body;
    this.login({ pushSequence: resumeFrom, resumed: true });
    await settle();
  }
}
