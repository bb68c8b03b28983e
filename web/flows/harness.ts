// Flows through the page in Chromium. A flow has a browser context of its own, and fails if a page of
// it reports an error that the flow does not expect.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { closeBrowser, logIn, theBrowser, wide } from "./page.ts";
import { killServers, type Server } from "./server.ts";

export * from "./page.ts";

const closers: (() => Promise<void>)[] = [];

/** Runs what ends at the end of all flows, such as a server of several. */
export function atEnd(close: () => Promise<void>): void {
  closers.push(close);
}

after(async () => {
  await Promise.all([...closers.map((close) => close()), closeBrowser()]);
});

process.once("exit", killServers); // also of those that started meanwhile
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void closeBrowser().finally(() => process.exit(130));
  });
}

/** A server that several flows share. It starts with the first one. */
export function shared(start: () => Promise<Server>): () => Promise<Server> {
  let server: Promise<Server> | undefined;
  return () => {
    if (server === undefined) {
      server = start();
      atEnd(async () => (await server?.catch(() => undefined))?.close());
    }
    return server;
  };
}

export class Flow {
  readonly #contexts: BrowserContext[] = [];
  readonly #servers: Server[] = [];
  readonly #allowed: RegExp[] = [];
  readonly faults: string[] = [];

  /** A server of this flow alone. */
  async own(server: Promise<Server>): Promise<Server> {
    this.#servers.push(await server);
    return server;
  }

  /** Expects faults that have this text. Chromium reports each answer above 399 and each failed connection as one. */
  expect(...texts: RegExp[]): void {
    this.#allowed.push(...texts);
  }

  async context(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await (await theBrowser()).newContext({ viewport: wide, colorScheme: "light", reducedMotion: "no-preference", ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(25_000);
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
    });
    context.on("page", (page) => this.#watch(page));
    return context;
  }

  /** A context of a stranger, whose faults do not count. */
  async strangers(): Promise<BrowserContext> {
    const context = await (await theBrowser()).newContext();
    this.#contexts.push(context);
    return context;
  }

  #watch(page: Page): void {
    const fault = (text: string) => this.faults.push(text);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") fault(`console: ${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => fault(`error: ${error.stack ?? error.message}`));
    page.on("requestfailed", (request) => fault(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText ?? ""}`));
    page.on("response", (response) => {
      if (response.status() >= 400) fault(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
    });
    page.on("dialog", (dialog) => {
      fault(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("crash", () => fault("crash"));
  }

  /** A page in a context of its own, not logged in. */
  async open(server: Server, options: BrowserContextOptions = {}, at = ""): Promise<Page> {
    const context = await this.context(options);
    const page = await context.newPage();
    await page.goto(`${server.origin}/${at}`);
    return page;
  }

  /** A page that is logged in and has its account. */
  async login(server: Server, customer: number, options: BrowserContextOptions = {}, at = ""): Promise<Page> {
    const page = await this.open(server, options, at);
    await logIn(page, customer);
    return page;
  }

  /** Writes what the pages show to the folder FLOWS_SCREENSHOTS, if there is one. */
  async screenshots(name: string): Promise<void> {
    const folder = process.env.FLOWS_SCREENSHOTS;
    if (!folder) return;
    const pages = this.#contexts.flatMap((context) => context.pages());
    for (const [i, page] of pages.entries()) {
      await page.screenshot({ path: `${folder}/${name.replace(/\W+/g, "-").slice(0, 60)}-${i}.png` }).catch(() => {});
    }
  }

  check(): void {
    const left = this.faults.filter((fault) => !this.#allowed.some((allowed) => allowed.test(fault)));
    assert.deepEqual(left, [], "the page reported faults");
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.map((context) => context.close()));
    await Promise.all(this.#servers.map((server) => server.close()));
  }
}

const flows: { name: string; run: (at: Flow) => Promise<void> }[] = [];

/** Defines a flow: a test that has pages. */
export function flow(name: string, run: (at: Flow) => Promise<void>): void {
  flows.push({ name, run });
}

/** Runs the flows that are defined, two at a time: much of a flow is waiting. */
export function runFlows(): void {
  describe("flows", { concurrency: 2 }, () => {
    for (const { name, run } of flows) test(name, { timeout: 120_000 }, () => runFlow(name, run));
  });
}

async function runFlow(name: string, run: (at: Flow) => Promise<void>): Promise<void> {
  const at = new Flow();
  try {
    await run(at);
    at.check();
  } catch (error) {
    await at.screenshots(name);
    if (at.faults.length > 0 && error instanceof Error) {
      error.message += `\nfaults of the page:\n${at.faults.join("\n")}`;
    }
    throw error;
  } finally {
    await at.close();
  }
}
