import { decode, encode, type Input } from "./codec.ts";
import { Emitter } from "./emitter.ts";
import { ConnectionLost, NoCredential, RequestError, RequestTimeout, TooManyRequests } from "./errors.ts";
import {
  pushes,
  requests,
  results,
  type LoginReply,
  type Messages,
  type NoticeCode,
  type PlaceOrderRequest,
  type CancelOrderRequest,
  type ReplaceOrderRequest,
  type Result,
  type SnapshotReason,
} from "./messages.ts";

type Requests = typeof requests;
/** What a program may request. Logins are the client's. */
export type Command = Exclude<keyof Requests, "Login" | "Logout">;
type AnyCommand = keyof Requests;
/** The body of a request; Submit has any bytes in base64. */
export type RequestBody<C extends AnyCommand> = Requests[C]["request"] extends keyof Messages
  ? Input<Messages[Requests[C]["request"]]>
  : C extends "Submit"
    ? string
    : Record<string, never>;
export type ReplyBody<C extends AnyCommand> = Requests[C]["reply"] extends keyof Messages
  ? Messages[Requests[C]["reply"]]
  : undefined;

export interface Reply<C extends AnyCommand> {
  /** DUPLICATE: the account had an order with this client order id; the body is the first reply. */
  result: "OK" | "DUPLICATE";
  body: ReplyBody<C>;
}

type PushBody<K extends keyof typeof pushes> = (typeof pushes)[K] extends keyof Messages
  ? Messages[(typeof pushes)[K]]
  : undefined;

/** What the server has sent without a request. The sequence is 0 for what has no number. */
export type Push = {
  [K in keyof typeof pushes]: { command: K; body: PushBody<K>; sequence: bigint };
}[keyof typeof pushes];

/** Why a connection has ended, or none was made. */
export interface End {
  kind:
    | "closed" // close was called
    | "lost" // the network, or a server that is killed, full or silent
    | "notice" // the server has said why
    | "refused" // of the login
    | "credential" // the credential function has failed
    | "protocol"; // the server's messages make no sense
  /** For people. */
  text: string;
  notice?: NoticeCode;
  result?: Result;
}

export type State =
  | { name: "idle" }
  | { name: "connecting"; address: string; attempt: number }
  | { name: "open"; address: string; resumed: boolean }
  /** The next attempt follows after the delay, in milliseconds. */
  | { name: "waiting"; delay: number; reason: End }
  /** There is no further attempt, unless connect is called. */
  | { name: "closed"; reason: End };

export interface ClientEvents {
  state: State;
  /** The login did not resume: the reply replaces everything that is shown. */
  snapshot: { reply: LoginReply; why: SnapshotReason };
  /** The login resumed, and the missed pushes have all come. */
  resumed: { missed: number };
  push: Push;
  /** The server's last words. The state that follows says what the client does. */
  notice: Messages["Notice"];
}

export interface Credential {
  customer: number;
  password?: string;
  /** In base64. */
  token?: string;
}

/** What the client needs of a WebSocket: that of browsers, of Node, and of the package ws. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface Timers {
  setTimeout(run: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

export interface ClientOptions {
  /** Such as ws://127.0.0.1:8891/ws. They are tried in turn. */
  addresses: readonly string[];
  /**
   * Called before each connection. If it throws NoCredential, the client closes; after any other
   * error it tries again.
   */
  credential: () => Promise<Credential>;
  /** Where globalThis has none, as in Node before 22. */
  WebSocket?: new (address: string, protocol: string) => Socket;
  /** Milliseconds from the request to its reply: 30,000. */
  requestTimeout?: number;
  /** Milliseconds for the credential and the handshake: 10,000. */
  connectTimeout?: number;
  /** Milliseconds for the login, which may wait for others: 45,000. */
  loginTimeout?: number;
  /** Milliseconds from a request to a silent server to the end of the connection: 10,000. */
  silenceTimeout?: number;
  /** Requests without a reply: 256. */
  maxInFlight?: number;
  /** Milliseconds before the second attempt (250), doubled with each round of the addresses. */
  firstDelay?: number;
  /** The longest delay, in milliseconds: 15,000. */
  maxDelay?: number;
  /** For tests: numbers from 0 to below 1. */
  random?: () => number;
  /** For tests. */
  timers?: Timers;
}

const protocol = "holdfast.v1.json";

/** The longest message that a server accepts, in bytes. */
const maxMessage = (1 << 20) - 4;

/** The most bytes of requests without a reply: a server closes a session above 1 MiB. */
const maxInFlightBytes = 1 << 20;

/** Results after which another login would be refused, too. */
const finalResults: readonly Result[] = ["UNAUTHENTICATED", "FORBIDDEN", "MALFORMED", "UNKNOWN_COMMAND", "REJECTED"];

export const systemTimers: Timers = {
  setTimeout: (run, milliseconds) => setTimeout(run, milliseconds),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** A request without a reply. */
interface Pending {
  command: AnyCommand;
  text: string;
  bytes: number;
  /** It may be sent again: the server recognises it. */
  again: boolean;
  timer: unknown;
  done: (reply: { result: "OK" | "DUPLICATE"; body: unknown }) => void;
  fail: (err: Error) => void;
}

/**
 * A session of one customer, over one connection after the other. It reconnects by itself and
 * continues with the push after the last one, so that the listeners get each push once and in order.
 */
export class Client extends Emitter<ClientEvents> {
  readonly #options: Required<Omit<ClientOptions, "WebSocket">>;
  readonly #WebSocket: NonNullable<ClientOptions["WebSocket"]>;
  readonly #pending = new Map<number, Pending>();
  #pendingBytes = 0;
  #lastId = 0;

  #state: State = { name: "idle" };
  #sequence = 0n;
  #historyId = "";
  #customer = 0;
  #version = "";

  #socket: Socket | undefined;
  /** Counts connections and attempts: what an earlier one still has to say is ignored. */
  #attempt = 0;
  /** Failures in a row. A connection that lasts a heartbeat ends the row. */
  #failures = 0;
  /** Whose turn it is among the addresses. */
  #turn = 0;
  /** Of the attempt, the login, the silence, or the delay before the next attempt. */
  #timer: unknown;
  /** Milliseconds in which the server sends something, at least a heartbeat. */
  #silence = 30_000;
  #heard = false;
  /** The last push before a protocol error. If it happens again there, a snapshot must help. */
  #brokenAt = -1n;

  constructor(options: ClientOptions) {
    super();
    const { WebSocket = globalThis.WebSocket as ClientOptions["WebSocket"], ...others } = options;
    if (WebSocket === undefined) {
      throw new TypeError("this platform has no WebSocket: set the option WebSocket, for example to that of the package ws");
    }
    if (options.addresses.length === 0 || !options.addresses.every((a) => /^wss?:\/\/./.test(a))) {
      throw new TypeError("addresses must be a list such as [\"ws://127.0.0.1:8891/ws\"]");
    }
    this.#WebSocket = WebSocket;
    this.#options = {
      requestTimeout: 30_000,
      connectTimeout: 10_000,
      loginTimeout: 45_000,
      silenceTimeout: 10_000,
      maxInFlight: 256,
      firstDelay: 250,
      maxDelay: 15_000,
      random: Math.random,
      timers: systemTimers,
      ...others,
    };
  }

  get state(): State {
    return this.#state;
  }

  /** The number of the last push. */
  get sequence(): bigint {
    return this.#sequence;
  }

  /** The server's history, which push numbers, orders and executions belong to; in base64. */
  get historyId(): string {
    return this.#historyId;
  }

  /** Who is logged in, or was at last; 0: nobody yet. */
  get customer(): number {
    return this.#customer;
  }

  get serverVersion(): string {
    return this.#version;
  }

  /**
   * Connects and logs in, again and again, until close is called or there is no point in it. While
   * the client waits, the next attempt starts at once.
   */
  connect(): void {
    if (this.#state.name === "idle" || this.#state.name === "closed" || this.#state.name === "waiting") {
      this.#failures = 0;
      void this.#open();
    }
  }

  /** Ends the connection and all attempts. Requests without a reply fail. */
  close(): void {
    if (this.#state.name !== "idle" && this.#state.name !== "closed") {
      this.#finish({ kind: "closed", text: "closed by the program" });
    }
  }

  /**
   * Sends a request. The promise rejects with a RequestError if the server refuses it, and with
   * ConnectionLost, RequestTimeout or TooManyRequests. A PlaceOrder, and a ReplaceOrder with a
   * newClientOrderId, are sent again after a reconnect, until their time is over.
   */
  async request<C extends Command>(command: C, ...body: {} extends RequestBody<C> ? [RequestBody<C>?] : [RequestBody<C>]): Promise<Reply<C>> {
    if (!Object.hasOwn(requests, command) || (command as AnyCommand) === "Login" || (command as AnyCommand) === "Logout") {
      throw new TypeError(`a program can't request ${command}`);
    }
    if (this.#state.name !== "open") {
      throw new ConnectionLost("not connected");
    }
    let again = false;
    let content: unknown = body[0];
    if (command === "PlaceOrder") {
      const order = content as Input<PlaceOrderRequest>;
      content = { ...order, clientOrderId: order.clientOrderId || newClientOrderId(), historyId: order.historyId || this.#historyId };
      again = true;
    } else if (command === "ReplaceOrder") {
      const order = content as Input<ReplaceOrderRequest>;
      content = { ...order, historyId: order.historyId || this.#historyId };
      again = Boolean(order.newClientOrderId);
    }
    return new Promise((resolve, reject) => {
      this.#send(command, content, {
        again,
        within: this.#options.requestTimeout,
        limited: true,
        done: (reply) => resolve(reply as Reply<C>),
        fail: reject,
      });
    });
  }

  /** Places an order, with a new client order id if it has none. */
  placeOrder(order: Input<PlaceOrderRequest>): Promise<Reply<"PlaceOrder">> {
    return this.request("PlaceOrder", order);
  }

  cancelOrder(order: Input<CancelOrderRequest>): Promise<Reply<"CancelOrder">> {
    return this.request("CancelOrder", order);
  }

  replaceOrder(order: Input<ReplaceOrderRequest>): Promise<Reply<"ReplaceOrder">> {
    return this.request("ReplaceOrder", order);
  }

  async #open(): Promise<void> {
    const attempt = ++this.#attempt;
    const { addresses, connectTimeout, credential } = this.#options;
    const address = addresses[this.#turn++ % addresses.length]!;
    this.#arm(connectTimeout, () => this.#lost({ kind: "lost", text: `no connection to ${address} in time` }));
    this.#become({ name: "connecting", address, attempt: this.#failures + 1 });
    let who: Credential;
    try {
      who = await credential();
    } catch (err) {
      if (attempt === this.#attempt) {
        const end: End = { kind: "credential", text: err instanceof Error ? err.message : String(err) };
        err instanceof NoCredential ? this.#finish(end) : this.#lost(end);
      }
      return;
    }
    if (attempt !== this.#attempt) {
      return;
    }
    let socket: Socket;
    try {
      socket = new this.#WebSocket(address, protocol);
    } catch (err) {
      this.#lost({ kind: "lost", text: String(err) });
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#login(address, who);
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#lost({ kind: "lost", text: event.reason || `the connection to ${address} is lost` });
    socket.onerror = ignore; // a close follows
  }

  #login(address: string, who: Credential): void {
    if (who.customer !== this.#customer) {
      this.#customer = who.customer;
      this.#sequence = 0n;
      this.#historyId = "";
    }
    this.#arm(this.#options.loginTimeout, () => this.#lost({ kind: "lost", text: "no reply to the login in time" }));
    this.#send("Conn", undefined, {
      done: (reply) => {
        const { heartbeatInterval, serverVersion } = reply.body as Messages["ConnReply"];
        this.#version = serverVersion;
        if (heartbeatInterval > 0n) {
          this.#silence = Number(heartbeatInterval / 1_000_000n) * 1.5;
        }
      },
      fail: ignore,
    });
    const { customer, password, token } = who;
    this.#send("Login", { customer, password, token, resumeFrom: this.#sequence, historyId: this.#historyId }, {
      done: (reply) => this.#loggedIn(address, reply.body as LoginReply),
      fail: (err) => {
        if (err instanceof RequestError) {
          const end: End = { kind: "refused", text: err.message, result: err.result };
          finalResults.includes(err.result) ? this.#finish(end) : this.#lost(end);
        }
      },
    });
  }

  #loggedIn(address: string, reply: LoginReply): void {
    const attempt = this.#attempt;
    const from = this.#sequence;
    if (reply.resumed && reply.pushSequence !== from) {
      this.#broken(`the login resumed from push ${reply.pushSequence} instead of ${from}`);
      return;
    }
    this.#sequence = reply.pushSequence;
    this.#historyId = reply.historyId;
    this.#watch();
    if (reply.resumed) {
      // The missed pushes come before the reply to this.
      this.#send("Heartbeat", undefined, {
        done: () => this.emit("resumed", { missed: Number(this.#sequence - from) }),
        fail: ignore,
      });
    }
    for (const waiting of this.#pending.values()) {
      if (waiting.again) {
        this.#socket?.send(waiting.text);
      }
    }
    this.#become({ name: "open", address, resumed: reply.resumed });
    if (!reply.resumed && attempt === this.#attempt) {
      this.emit("snapshot", { reply, why: reply.snapshotReason });
    }
  }

  /** Ends the connection if the server is silent. */
  #watch(): void {
    this.#heard = false;
    this.#arm(this.#silence, () => {
      this.#failures = 0;
      if (this.#heard) {
        this.#watch();
        return;
      }
      this.#send("Heartbeat", undefined, { done: ignore, fail: ignore });
      this.#arm(this.#options.silenceTimeout, () => {
        this.#heard ? this.#watch() : this.#lost({ kind: "lost", text: "the server is silent" });
      });
    });
  }

  #send(
    command: AnyCommand,
    content: unknown,
    how: Pick<Pending, "done" | "fail"> & { again?: boolean; within?: number; limited?: boolean },
  ): void {
    const id = ++this.#lastId;
    const message = requests[command].request;
    const body = message === "" ? content : encode(message, (content ?? {}) as {});
    const text = JSON.stringify({ command, id, body });
    const bytes = new TextEncoder().encode(text).length;
    if (bytes > maxMessage) {
      throw new RangeError(`a request has at most ${maxMessage} bytes, not ${bytes}`);
    }
    if (how.limited && (this.#pending.size >= this.#options.maxInFlight || this.#pendingBytes + bytes > maxInFlightBytes)) {
      throw new TooManyRequests(`${this.#pending.size} requests have no reply yet`);
    }
    const timer =
      how.within === undefined
        ? undefined
        : this.#options.timers.setTimeout(() => {
            this.#take(id)?.fail(new RequestTimeout(`no reply to ${command} in time; it may have been executed`));
          }, how.within);
    this.#pending.set(id, { command, text, bytes, again: how.again ?? false, timer, done: how.done, fail: how.fail });
    this.#pendingBytes += bytes;
    this.#socket?.send(text);
  }

  /** Removes a request without a reply, and its timer. */
  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending !== undefined) {
      this.#pending.delete(id);
      this.#pendingBytes -= pending.bytes;
      this.#options.timers.clearTimeout(pending.timer);
    }
    return pending;
  }

  #receive(data: unknown): void {
    this.#heard = true;
    try {
      const message: unknown = JSON.parse(data as string);
      const { command, id = 0, result, body } = (message ?? {}) as Record<string, unknown>;
      if (typeof command !== "string") {
        throw new TypeError("a message has no command");
      }
      if (typeof result === "string") {
        this.#reply(Number(id), (results as readonly string[]).includes(result) ? (result as Result) : "FAILED", body);
      } else {
        this.#push(command, BigInt(id as number | string), body);
      }
    } catch (err) {
      this.#broken(err instanceof Error ? err.message : String(err));
    }
  }

  #reply(id: number, result: Result, body: unknown): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      return; // its time was over
    }
    if (result === "OK" || result === "DUPLICATE") {
      const name = requests[pending.command].reply;
      const decoded = name === "" ? undefined : decode(name, body);
      this.#take(id)!.done({ result, body: decoded });
      return;
    }
    const error = decode("ErrorBody", body);
    const text =
      result === "UNKNOWN_COMMAND"
        ? `the server does not have the command ${pending.command}: it is older than this client (${this.#version || "version unknown"})`
        : error.message;
    this.#take(id)!.fail(new RequestError(pending.command, result, error, text));
  }

  #push(command: string, sequence: bigint, body: unknown): void {
    if (sequence > 0n && sequence !== this.#sequence + 1n) {
      throw new Error(`push ${sequence} came after push ${this.#sequence}`);
    }
    const push = decodePush(command, sequence, body);
    if (sequence > 0n) {
      this.#sequence = sequence;
    }
    if (push?.command === "Notice") {
      const { code, text } = push.body;
      this.emit("notice", push.body);
      const end: End = { kind: "notice", text, notice: code };
      code === "NOTICE_CODE_REVOKED" ? this.#finish(end) : this.#lost(end);
    } else if (push !== undefined) {
      this.emit("push", push);
    }
  }

  /** Ends a connection on which the server's messages make no sense. */
  #broken(text: string): void {
    if (this.#brokenAt === this.#sequence) {
      this.#sequence = 0n;
    }
    this.#brokenAt = this.#sequence;
    this.#lost({ kind: "protocol", text });
  }

  /** Ends the connection and tries again later. */
  #lost(reason: End): void {
    this.#drop(reason, false);
    const { addresses, firstDelay, maxDelay, random } = this.#options;
    const round = Math.floor(this.#failures++ / addresses.length);
    const delay = Math.min(maxDelay, firstDelay * 2 ** round) * (0.5 + random() / 2);
    this.#arm(delay, () => void this.#open());
    this.#become({ name: "waiting", delay, reason });
  }

  #finish(reason: End): void {
    this.#drop(reason, true);
    this.#become({ name: "closed", reason });
  }

  /** Leaves the connection. The requests fail, but for those that can be sent again. */
  #drop(reason: End, all: boolean): void {
    this.#attempt++;
    this.#options.timers.clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = ignore; // ws throws an error that nobody listens to
      socket.close(1000);
    }
    for (const [id, { again }] of [...this.#pending]) {
      if (all || !again) {
        this.#take(id)!.fail(new ConnectionLost(`${reason.text}; the request may have been executed`));
      }
    }
  }

  #arm(milliseconds: number, run: () => void): void {
    this.#options.timers.clearTimeout(this.#timer);
    this.#timer = this.#options.timers.setTimeout(run, milliseconds);
  }

  #become(state: State): void {
    this.#state = state;
    this.emit("state", state);
  }
}

/** Returns undefined for a push that this client does not know. */
function decodePush(command: string, sequence: bigint, body: unknown): Push | undefined {
  if (!Object.hasOwn(pushes, command)) {
    return undefined;
  }
  const name = pushes[command as keyof typeof pushes];
  return { command, sequence, body: name === "" ? undefined : decode(name, body) } as Push;
}

function ignore(): void {}

/** Returns a client order id that no other client has: 128 random bits in 32 letters. */
export function newClientOrderId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}
