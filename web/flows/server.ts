// A server of holdfast with a console, for one or more flows.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { Client, type Command, type ReplyBody, type RequestBody } from "../client/src/index.ts";

export const password = "holdfast-demo";
export const operator = 900001;
export const viewer = 900002;

const binary = process.env.HOLDFAST ?? "";

export interface Instrument {
  market: string;
  code: string;
  name: string;
  last: string;
  [rule: string]: unknown;
}

export interface Customer {
  customer: number;
  name: string;
  role?: "customer" | "operator" | "viewer";
  cash: string;
  positions: { market: string; code: string; quantity: number; average_cost: string }[];
  [more: string]: unknown;
}

export interface Seed {
  format: number;
  markets?: unknown[];
  instruments: Instrument[];
  customers: Customer[];
}

/** Ten instruments of lots of 100 at 10.00, an operator, a viewer, and traders 100001 to 100060. */
export function plainSeed(): Seed {
  const instruments = ["Northern Tin", "Harbour Rail", "Silver Mills", "Western Salt", "River Glass", "Stone Bridge", "Red Clay", "Blue Slate", "Green Copper", "White Sand"].map(
    (name, i) => ({ market: i % 2 === 0 ? "ALFA" : "BETA", code: String(600100 + i), name, lot: 100, minimum_lot: 100, tick: "0.01", last: "10.00" }),
  );
  const traders = Array.from({ length: 60 }, (_, i): Customer => ({
    customer: 100001 + i,
    name: `Trader ${i + 1}`,
    cash: "1000000.00",
    positions: [{ market: "ALFA", code: "600100", quantity: 1000, average_cost: "9.00" }],
  }));
  return {
    format: 1,
    instruments,
    customers: [
      { customer: operator, name: "Olga", role: "operator", cash: "0", positions: [] },
      { customer: viewer, name: "Vera", role: "viewer", cash: "0", positions: [] },
      ...traders,
    ],
  };
}

let hash = "";

/** The Argon2id hash of the password, as the server makes it. */
function passwordHash(): string {
  if (hash === "") {
    const made = spawnSync(binary, ["seed", "--customers", "1", "--instruments", "1", "--positions", "1", "--password", password, "--out", "-"], { encoding: "utf8" });
    if (made.status !== 0) {
      throw new Error(`holdfast seed: ${made.error?.message ?? made.stderr}`);
    }
    hash = (JSON.parse(made.stdout) as Seed).customers[0]!["password"] as string;
  }
  return hash;
}

function tokenOf(customer: number): Buffer {
  return createHash("sha256").update(`token of ${customer}`).digest();
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once("error", reject);
    listener.listen(0, "127.0.0.1", () => {
      const { port } = listener.address() as { port: number };
      listener.close(() => resolve(port));
    });
  });
}

const all = new Set<Server>();

/** Ends every server at once, as the last act of a process that is interrupted. */
export function killServers(): void {
  for (const server of all) {
    server.destroy();
  }
}

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-flows-"));
  seed: Seed;
  port = 0;
  webSocketPort = 0;
  #packetPort = 0;
  #adminPort = 0;
  readonly #flags: string[];
  #process: ChildProcess | undefined;
  #output = "";
  readonly #clients = new Set<Client>();

  private constructor(seed: Seed, flags: string[]) {
    this.seed = seed;
    this.#flags = flags;
    all.add(this);
  }

  static async start(options: { seed?: Seed; flags?: string[] } = {}): Promise<Server> {
    if (binary === "") {
      throw new Error("set HOLDFAST to the path of the program holdfast");
    }
    const server = new Server(options.seed ?? plainSeed(), options.flags ?? []);
    server.writeSeed();
    server.port = await freePort();
    server.webSocketPort = await freePort();
    server.#packetPort = await freePort();
    server.#adminPort = await freePort();
    await server.restart();
    return server;
  }

  /** The origin of the page. */
  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Writes the seed as it is now; each customer without credentials has the password and a token. */
  writeSeed(): void {
    const customers = this.seed.customers.map((one) => ({
      password: passwordHash(),
      token_sha256: createHash("sha256").update(tokenOf(one.customer)).digest("hex"),
      ...one,
    }));
    writeFileSync(join(this.folder, "seed.json"), JSON.stringify({ ...this.seed, customers }));
  }

  /** Makes the server read the seed again, as an operator does. */
  async reload(change: (seed: Seed) => void): Promise<void> {
    change(this.seed);
    this.writeSeed();
    await this.as(operator, "Operate", { reload: {} });
  }

  /** Starts it again on its data folder and its ports. */
  async restart(): Promise<void> {
    const child = spawn(
      binary,
      [
        "serve",
        ...["--listen", `127.0.0.1:${this.#packetPort}`],
        ...["--listener", `websocket=127.0.0.1:${this.webSocketPort}`],
        ...["--admin", `127.0.0.1:${this.#adminPort}`],
        ...["--console", `127.0.0.1:${this.port}`],
        ...["--data", join(this.folder, "data")],
        ...["--seed-file", join(this.folder, "seed.json")],
        ...["--log-level", "warn"],
        ...this.#flags,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#process = child;
    const keep = (bytes: Buffer) => (this.#output = (this.#output + bytes).slice(-10_000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const ended = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`holdfast serve has ended:\n${this.#output}`)));
    });
    ended.catch(() => {}); // the end of a flow
    await Promise.race([ended, this.#ready()]);
  }

  async #ready(): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      const ready = await fetch(`http://127.0.0.1:${this.#adminPort}/readyz`).then((r) => r.ok, () => false);
      if (ready && (await fetch(`${this.origin}/api/console`).then((r) => r.ok, () => false))) {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`holdfast serve is not ready:\n${this.#output}`);
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#adminPort}/metrics`)).text();
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
  }

  /** A client in Node, logged in with the token of the customer. */
  async client(customer: number): Promise<Client> {
    const client = new Client({
      addresses: [`ws://127.0.0.1:${this.webSocketPort}/ws`],
      credential: async () => ({ customer, token: tokenOf(customer).toString("base64") }),
      WebSocket: WebSocket as never,
    });
    this.#clients.add(client);
    const open = new Promise<void>((resolve, reject) => {
      client.on("state", (state) => {
        if (state.name === "open") resolve();
        else if (state.name === "closed") reject(new Error(state.reason.text));
      });
    });
    client.connect();
    await open;
    return client;
  }

  /** One request as a customer, over a connection of its own. */
  async as<C extends Command>(customer: number, command: C, body: RequestBody<C>): Promise<ReplyBody<C>> {
    const client = await this.client(customer);
    try {
      return (await client.request(command, ...([body] as never))).body as ReplyBody<C>;
    } finally {
      client.close();
      this.#clients.delete(client);
    }
  }

  /** Ends the server and removes its data. */
  async close(): Promise<void> {
    for (const client of this.#clients) {
      client.close();
    }
    await this.kill();
    this.destroy();
  }

  destroy(): void {
    all.delete(this);
    this.#process?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  get output(): string {
    return this.#output;
  }
}
