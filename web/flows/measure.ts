// Measures the page: what is loaded, how long until it can be used, what it costs under load, and the
// way of a new user. npm run measure -- --help
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { CDPSession, Page } from "playwright-core";
import { choose, closeBrowser, connected, logIn, order, panel, rows, theBrowser, wide } from "./page.ts";
import { freePort, killServers, operator, password, plainSeed, Server } from "./server.ts";

const usage = `measure: figures of the console's page, in Chromium

  HOLDFAST=/path/of/holdfast npm run measure -- [flags]

  --minutes N   how long the page is under load (10)
  --rate N      pushes a second to the page (1000)
  --runs N      cold loads (10)
  --only PART   load, busy or demo; all without it
`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "1000" },
    runs: { type: "string", default: "10" },
    only: { type: "string", default: "" },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

process.once("exit", killServers);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const print = (text: string) => process.stdout.write(text + "\n");
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const median = (all: number[]) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
const spread = (all: number[], digits = 0) => `${median(all).toFixed(digits)} (${Math.min(...all).toFixed(digits)} to ${Math.max(...all).toFixed(digits)})`;

/** Records when an element is there and a frame with it was drawn, in milliseconds of the page's life. */
function whenThere(selector: string): void {
  const look = () => {
    if (document.querySelector(selector)) requestAnimationFrame(() => setTimeout(() => ((globalThis as { there?: number }).there = performance.now())));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function load(server: Server, runs: number): Promise<void> {
  const browser = await theBrowser();
  const cold: number[] = [];
  const slow: number[] = [];
  const filled: number[] = [];
  for (let i = 0; i < runs; i++) {
    for (const [throttle, into] of [[1, cold], [4, slow]] as const) {
      const context = await browser.newContext({ viewport: wide });
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: throttle });
      await page.addInitScript(whenThere, "input[name=customer]");
      if (i === 0 && throttle === 1) await countBytes(session, () => page.goto(server.origin, { waitUntil: "networkidle" }));
      else await page.goto(server.origin);
      into.push(await page.waitForFunction(() => (globalThis as { there?: number }).there).then((handle) => handle.jsonValue() as Promise<number>));
      if (throttle === 1) {
        await logIn(page, 100001);
        await session.send("Network.clearBrowserCache");
        await page.addInitScript(whenThere, '[aria-label="Quotes"] .rows [role=row]');
        await page.reload();
        await connected(page);
        await pause(200);
        filled.push(await page.waitForFunction(() => (globalThis as { there?: number }).there).then((handle) => handle.jsonValue() as Promise<number>));
      }
      await context.close();
    }
  }
  print(`cold load to the login form, ms: ${spread(cold)}; with the processor four times as slow: ${spread(slow)}; ${runs} runs`);
  print(`cold load with a session to the filled trading screen, ms: ${spread(filled)}`);
}

/** Prints what a load costs on the wire, headers included. */
async function countBytes(session: CDPSession, run: () => Promise<unknown>): Promise<void> {
  const paths = new Map<string, string>();
  const encodings = new Map<string, string>();
  let all = 0;
  await session.send("Network.enable");
  session.on("Network.responseReceived", ({ requestId, response }) => {
    paths.set(requestId, new URL(response.url).pathname);
    encodings.set(requestId, response.headers["Content-Encoding"] ?? response.headers["content-encoding"] ?? "plain");
  });
  const lines: string[] = [];
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    all += encodedDataLength;
    lines.push(`  ${paths.get(requestId)} ${encodedDataLength} (${encodings.get(requestId)})`);
  });
  await run();
  print(`bytes of a cold load: ${all}\n${lines.join("\n")}`);
  await session.send("Network.disable");
}

/** Processor seconds that a process has used. */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

async function busy(minutes: number, rate: number): Promise<void> {
  // A quote comes at most every 100 ms for an instrument, so there are many of them.
  const instruments = Math.max(500, rate * 2);
  const seed = plainSeed();
  seed.instruments = Array.from({ length: instruments }, (_, i) => ({ market: "ALFA", code: String(100000 + i), name: `Share ${i}`, lot: 100, minimum_lot: 100, tick: "0.01", last: "100.00" }));
  const trader = seed.customers[2]!;
  trader.cash = "1000000000.00";
  trader.positions = seed.instruments.slice(0, 100).map(({ market, code }) => ({ market, code, quantity: 1000, average_cost: "99.00" }));
  seed.customers = seed.customers.slice(0, 3);
  const server = await Server.start({ seed, flags: ["--price-moves", `${Math.round(rate * 1.15)}/s`] });
  const browser = await theBrowser();
  try {
    const context = await browser.newContext({ viewport: wide });
    const page = await context.newPage();
    await page.goto(server.origin);
    await logIn(page, 100001);
    await choose(page, "100000");
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable");
    const { processInfo } = await (await browser.newBrowserCDPSession()).send("SystemInfo.getProcessInfo");
    const renderer = processInfo.filter((one) => one.type === "renderer").sort((a, b) => b.cpuTime - a.cpuTime)[0]!.id;
    const others = processInfo.filter((one) => one.type !== "renderer").map((one) => one.id);

    // Orders that wait and their cancels, and every fourth one a fill: some 30 pushes a second.
    const client = await server.client(100001);
    let orders = 0;
    const trade = setInterval(() => {
      const at = { market: "ALFA", code: String(100000 + (orders++ % 100)), quantity: 100n };
      if (orders % 4 === 0) {
        void client.placeOrder({ ...at, side: orders % 8 === 0 ? "SIDE_SELL" : "SIDE_BUY" }).catch(() => {});
        return;
      }
      void client
        .placeOrder({ ...at, side: "SIDE_BUY", type: "ORDER_TYPE_LIMIT", price: 500000n })
        .then(({ body }) => pause(2000).then(() => client.cancelOrder({ orderId: body.orderId, historyId: client.historyId })))
        .catch(() => {});
    }, 60);

    let frames = 0;
    session.on("Network.webSocketFrameReceived", () => frames++);
    const counted = async () => {
      await session.send("Network.enable");
      frames = 0;
      const from = performance.now();
      await pause(5000);
      const perSecond = (frames * 1000) / (performance.now() - from);
      await session.send("Network.disable");
      return perSecond;
    };
    print(`\n${instruments} instruments, 100 positions; processes: renderer ${renderer}, server ${server.pid}`);
    print("| minute | pushes a second | renderer, % of a processor | other processes of Chromium | JS heap, MiB | renderer resident, MiB | DOM nodes |");
    print("| --- | --- | --- | --- | --- | --- | --- |");
    await pause(3000);
    for (let minute = 1; minute <= minutes; minute++) {
      const pushes = await counted();
      const before = { at: performance.now(), renderer: processorSeconds(renderer), others: others.map(processorSeconds).reduce((a, b) => a + b, 0) };
      await pause(55_000);
      const seconds = (performance.now() - before.at) / 1000;
      const percent = (used: number) => ((used / seconds) * 100).toFixed(1);
      await session.send("HeapProfiler.collectGarbage");
      const { metrics } = await session.send("Performance.getMetrics");
      const metric = (name: string) => metrics.find((one) => one.name === name)?.value ?? 0;
      print(
        `| ${minute} | ${pushes.toFixed(0)} | ${percent(processorSeconds(renderer) - before.renderer)} | ${percent(others.map(processorSeconds).reduce((a, b) => a + b, 0) - before.others)} | ${(metric("JSHeapUsedSize") / 1048576).toFixed(1)} | ${residentMiB(renderer).toFixed(0)} | ${metric("Nodes")} |`,
      );
    }
    clearInterval(trade);
    const from = performance.now();
    await order(page, { side: "Buy", quantity: 100 });
    await panel(page, "Order").getByText("Filled: Buy 100").waitFor();
    print(`an order in the ticket after that, from the first click to its fill on the screen: ${(performance.now() - from).toFixed(0)} ms`);
    client.close();
    await context.close();
  } finally {
    await server.close();
  }
}

/** From holdfast demo to an order and its bust, as somebody does it who has read the first screen. */
async function demo(): Promise<void> {
  const port = await freePort();
  const start = performance.now();
  const steps: string[] = [];
  const step = (text: string) => steps.push(`${steps.length + 1}. ${text} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  const child: ChildProcess = spawn(process.env.HOLDFAST!, ["demo", "--console", `127.0.0.1:${port}`], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const browser = await theBrowser();
  const context = await browser.newContext({ viewport: wide });
  try {
    while (!(await fetch(`http://127.0.0.1:${port}/api/console`).then((r) => r.ok, () => false))) await pause(50);
    step(`holdfast demo --console 127.0.0.1:${port}`);
    const page: Page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}`);
    await page.getByText(/A demo: customer 100001/).waitFor();
    step("open the address; the login form names customers and password");
    await logIn(page, 100050);
    step("log in as customer 100050");
    await rows(page, "Quotes").first().waitFor();
    await page.keyboard.press("b");
    await panel(page, "Order").getByLabel("Quantity").fill("100");
    step("press B and type a quantity");
    await page.keyboard.press("Enter");
    await panel(page, "Order").getByText(/^Filled: Buy 100/).waitFor();
    step("Enter: the order is filled");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
    step("log out");
    await logIn(page, operator, password);
    step("log in as the operator 900001");
    await page.keyboard.press("3");
    await page.getByRole("link", { name: "Accounts" }).click();
    await page.getByRole("searchbox", { name: /Search customers/ }).fill("100050");
    await page.keyboard.press("Enter");
    step("press 3, choose Accounts, type 100050, Enter");
    await page.getByRole("button", { name: "Executions" }).click();
    await rows(page, /Executions of 100050/).first().dblclick();
    step("choose Executions, double click the newest one");
    await page.getByLabel(/^Reason/).fill("first try");
    await page.getByRole("button", { name: "Show what would change" }).click();
    await page.getByText(/^To bust: 1 execution/).waitFor();
    step("type a reason, look at the preview");
    await page.getByRole("button", { name: "Bust 1 execution" }).click();
    await page.getByText(/^Busted: 1 execution/).waitFor();
    step("confirm: the execution is busted");
    print(`\nfrom the demo to an order and its bust, ${steps.length} steps, by a program that does not think:\n${steps.join("\n")}`);
  } finally {
    child.kill("SIGINT");
    await Promise.race([ended, pause(15_000)]);
    child.kill("SIGKILL");
    await context.close();
  }
}

const parts = values.only ? [values.only] : ["load", "busy", "demo"];
if (parts.includes("load")) {
  const server = await Server.start();
  try {
    await load(server, Number(values.runs));
  } finally {
    await server.close();
  }
}
if (parts.includes("busy")) await busy(Number(values.minutes), Number(values.rate));
if (parts.includes("demo")) await demo();
await closeBrowser();
