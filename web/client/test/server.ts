// A holdfast process, a proxy before it, and clients of both.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Server as NetServer, type Socket as NetSocket } from "node:net";
import type { TestContext } from "node:test";
import WebSocket from "ws";
import { Account, Client, ConnectionLost, type AccountOptions, type ClientOptions, type Reply, type RequestBody } from "../src/index.ts";

export const operator = 900001;
export const password = "holdfast-demo";

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until something is true; the time limit is that of the test. */
export async function until(what: () => boolean): Promise<void> {
  while (!what()) {
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export class Holdfast {
  readonly port: number;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  /** Starts a server, and ends it with the test. */
  static async start(t: TestContext, ...args: string[]): Promise<Holdfast> {
    const server = new Holdfast(await freePort(), args);
    t.after(() => server.kill("SIGTERM"));
    await server.start();
    return server;
  }

  get address(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  async start(): Promise<void> {
    this.#process = spawn(
      process.env.HOLDFAST ?? "holdfast",
      ["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--listener", `websocket=127.0.0.1:${this.port}`, ...this.#args],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    this.#process.stderr!.on("data", (text) => (this.#log = (this.#log + text).slice(-4000)));
    for (;;) {
      if (this.#process.exitCode !== null) {
        throw new Error(`the server has ended:\n${this.#log}`);
      }
      const socket = connect(this.port, "127.0.0.1");
      const ok = await new Promise((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
      socket.destroy();
      if (ok) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill(signal);
      await ended;
    }
  }
}

/** Passes bytes on, and cuts connections on demand. */
export class Proxy {
  /** The next bytes of the client are dropped, and the connection cut. */
  cutRequest = false;
  /** The next bytes of the server are dropped, and the connection cut. */
  cutReply = false;
  cuts = 0;
  readonly #server: NetServer;
  readonly #sockets = new Set<NetSocket>();

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, "127.0.0.1");
      const cut = (): void => {
        client.destroy();
        server.destroy();
      };
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", cut).on("close", () => {
          this.#sockets.delete(socket);
          cut();
        });
      }
      client.on("data", (b) => {
        if (this.cutRequest) {
          this.cutRequest = false;
          this.cuts++;
          cut();
        } else {
          server.write(b);
        }
      });
      server.on("data", (b) => {
        if (this.cutReply) {
          this.cutReply = false;
          this.cuts++;
          cut();
        } else {
          client.write(b);
        }
      });
    });
  }

  static async start(t: TestContext, port: number): Promise<Proxy> {
    const proxy = new Proxy(port);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    t.after(() => {
      proxy.#sockets.forEach((s) => s.destroy());
      proxy.#server.close();
    });
    return proxy;
  }

  get address(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }
}

export interface Session {
  client: Client;
  account: Account;
  /** The numbers of the pushes, in the order in which they came. */
  numbers: bigint[];
  snapshots: string[];
  reconnects: number;
}

/** Logs in a customer, and waits until the account is there. */
export async function session(
  t: TestContext,
  address: string,
  customer: number,
  options: Partial<ClientOptions> & { account?: AccountOptions } = {},
): Promise<Session> {
  const client = new Client({
    addresses: [address],
    credential: async () => ({ customer, password }),
    WebSocket,
    firstDelay: 20,
    maxDelay: 200,
    ...options,
  });
  const account = new Account(client, options.account);
  const s: Session = { client, account, numbers: [], snapshots: [], reconnects: -1 };
  client.on("push", (p) => p.sequence > 0n && s.numbers.push(p.sequence));
  client.on("snapshot", ({ why }) => s.snapshots.push(why));
  client.on("state", ({ name }) => (s.reconnects += name === "open" ? 1 : 0));
  t.after(() => {
    account.stop();
    client.close();
  });
  client.connect();
  await until(() => !account.loading || client.state.name === "closed");
  return s;
}

/** Sends a request until there is a connection for it. The request must be harmless if it comes twice. */
export async function insist<C extends Parameters<Client["request"]>[0]>(client: Client, command: C, body: RequestBody<C>): Promise<Reply<C>> {
  for (;;) {
    await until(() => client.state.name === "open");
    try {
      return await client.request(command, ...([body] as any));
    } catch (err) {
      if (!(err instanceof ConnectionLost)) {
        throw err;
      }
    }
  }
}
