// Texts of others, and pages of other origins.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { choose, flow, order, panel, rows } from "./harness.ts";
import { operator, password, plainSeed, Server } from "./server.ts";

const script = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;

/** No element comes from a text. */
async function harmless(page: Page): Promise<void> {
  assert.equal(await page.locator('script:not([src="console.js"]), img[src="x"], [onerror]').count(), 0);
}

flow("hostile: scripts in the names of customers and instruments, in reasons and comments, are text", async (at) => {
  const seed = plainSeed();
  seed.instruments[1]!.name = script;
  seed.customers.find((one) => one.customer === 100001)!.name = script;
  const own = await at.own(Server.start({ seed }));
  const page = await at.login(own, 100001);
  await page.getByRole("banner").getByText(script).waitFor();
  await rows(page, "Quotes", script).waitFor();
  await choose(page, "600101");
  await order(page, { side: "Buy", quantity: 100, id: "<svg onload=alert(3)>" });
  await rows(page, "Executions, newest first", "600101").waitFor();
  const reason = `<b onmouseover=alert(4)>"'&amp; \u202Etxt`.replace("\u202E", "");
  await own.as(operator, "Bust", { executionId: (100001n << 32n) | 1n, reason });
  await rows(page, "Executions, newest first", "600101").getByText(reason).waitFor();
  await own.as(operator, "Operate", { deposit: { customer: 100001, amount: 10000n, text: "<iframe src=//a>" } });
  await page.getByText("<iframe src=//a>").waitFor();
  await harmless(page);
  await page.goto(`${own.origin}/#orders`);
  await rows(page, "Orders, newest first", "<svg onload=alert(3)>").waitFor();
  await harmless(page);

  const other = await at.login(own, operator, {}, "#operator/accounts/100001");
  await panel(other, `100001 ${script}`).waitFor();
  await harmless(other);
  await other.goto(`${own.origin}/#operator/audit`);
  await rows(other, "Audit, newest first", "bust").waitFor();
  await rows(other, "Audit, newest first", "<iframe").waitFor();
  await harmless(other);
  await other.goto(`${own.origin}/#operator/sessions`);
  await rows(other, "Sessions, newest first", script).first().waitFor();
  await harmless(other);
  await other.goto(`${own.origin}/#operator/market`);
  await rows(other, "Instruments", script).waitFor();
  await harmless(other);
});

flow("hostile: a page of another origin can neither post nor open the WebSocket", async (at) => {
  const own = await at.own(Server.start());
  const page = await at.login(own, 100001);
  const stranger = createServer((_, to) => to.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>stranger</title>"));
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  try {
    // The same browser, logged in, at another origin: its faults are what is wanted, so it is no page of the flow.
    const context = page.context();
    const cookies = await context.cookies();
    const elsewhere = await at.strangers();
    await elsewhere.addCookies(cookies);
    const foreign = await elsewhere.newPage();
    await foreign.goto(`http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`);
    const found = await foreign.evaluate(
      async ({ origin, socket, customer, password }) => {
        const post = async (path: string, type: string, body: string) => {
          const answer = await fetch(origin + path, { method: "POST", mode: "no-cors", credentials: "include", headers: { "Content-Type": type }, body }).then(
            (r) => r.type,
            (error: Error) => error.name,
          );
          const readable = await fetch(origin + path, { method: "POST", credentials: "include", headers: { "Content-Type": type }, body }).then(
            (r) => r.status,
            (error: Error) => error.name,
          );
          return [answer, readable];
        };
        const open = (protocols: string[]) =>
          new Promise<string>((resolve) => {
            const one = new WebSocket(socket, protocols);
            one.onopen = () => resolve("open");
            one.onerror = () => resolve("refused");
          });
        return {
          login: await post("/api/login", "text/plain", JSON.stringify({ customer, password })),
          ticket: await post("/api/ticket", "text/plain", "{}"),
          json: await post("/api/ticket", "application/json", "{}"),
          logout: await post("/api/logout", "text/plain", "{}"),
          sockets: [await open(["holdfast.v1.json"]), await open(["holdfast.v1.packet"]), await open([])],
          frame: await new Promise<string>((resolve) => {
            const frame = document.createElement("iframe");
            frame.src = origin + "/";
            frame.onload = () => resolve(frame.contentDocument === null ? "opaque" : "readable");
            document.body.append(frame);
          }),
        };
      },
      { origin: own.origin, socket: `ws://127.0.0.1:${own.webSocketPort}/ws`, customer: 100001, password },
    );
    assert.deepEqual(found.sockets, ["refused", "refused", "refused"]);
    for (const [name, [, readable]] of Object.entries({ login: found.login, ticket: found.ticket, json: found.json, logout: found.logout })) {
      assert.equal(readable, "TypeError", name);
    }
    assert.equal(await foreign.frames()[1]!.locator("#page").count(), 0, "the page is in no frame of a stranger");
    // What a forger without a browser sends.
    const forged = async (headers: Record<string, string>) => (await fetch(`${own.origin}/api/login`, { method: "POST", headers, body: JSON.stringify({ customer: 100001, password }) })).status;
    assert.equal(await forged({ "Content-Type": "application/json", Origin: "https://evil.example" }), 403);
    assert.ok((await forged({ "Content-Type": "text/plain", Origin: own.origin })) >= 400);
  } finally {
    stranger.closeAllConnections();
    stranger.close();
  }
  await page.reload();
  await rows(page, "Positions", "600100").waitFor(); // the stranger has not logged it out
});
