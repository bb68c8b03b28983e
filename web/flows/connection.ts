// Connections that break, servers that are killed, and servers of other versions.
import assert from "node:assert/strict";
import type { Page, WebSocketRoute } from "playwright-core";
import { choose, connected, flow, logIn, order, panel, rows, shared, until, type Flow } from "./harness.ts";
import { Proxy } from "./proxy.ts";
import { operator, Server } from "./server.ts";

const server = shared(() => Server.start());
const tape = "Executions, newest first";

/** What Chromium reports when a connection breaks or can't be made. */
const broken = [/WebSocket connection/, /ERR_CONNECTION_REFUSED/, /ERR_CONNECTION_RESET/, /ERR_EMPTY_RESPONSE/, /ERR_SOCKET_NOT_CONNECTED/];

flow("restart: the server is killed and starts again; the page resumes without gap or double", async (at) => {
  at.expect(...broken, /\b401\b/);
  const own = await at.own(Server.start());
  const page = await at.login(own, 100001);
  await choose(page, "600101");
  await order(page, { side: "Buy", quantity: 100 });
  await rows(page, tape, "600101").waitFor();
  await order(page, { side: "Buy", quantity: 200, limit: "9.00" });
  await rows(page, "Working orders", "9.00").waitFor();
  await own.kill();
  await page.getByText("Connection lost.").waitFor();
  assert.equal(await rows(page, tape, "600101").count(), 1); // what was there is still there
  await own.restart();
  await until("the page is connected, or asks for the password", async () => {
    return (await page.getByRole("dialog", { name: "Log in again" }).count()) + (await page.getByRole("banner").getByText(/^● ?Connected$/).count()) > 0;
  });
  const again = page.getByRole("dialog", { name: "Log in again" });
  if ((await again.count()) > 0) {
    await again.getByLabel(/Password/).fill("holdfast-demo");
    await page.keyboard.press("Enter");
  }
  await connected(page);
  await page.getByText(/Connected again/).waitFor();
  await order(page, { side: "Buy", quantity: 300 });
  await rows(page, tape, "300").waitFor();
  assert.deepEqual(await rows(page, tape).locator("[role=gridcell]:nth-child(4)").allTextContents(), ["300", "100"]);
  assert.equal(await rows(page, "Working orders", "9.00").count(), 1);
  await rows(page, "Positions", "600101").getByText("400", { exact: true }).waitFor();
});

flow("drop: the connection breaks between an order and its reply; it is executed once", async (at) => {
  at.expect(...broken);
  const own = await server();
  const proxy = await Proxy.start();
  try {
    const page = await at.login(own, 100001, { proxy: { server: proxy.address } });
    await choose(page, "600102");
    let cuts = 0;
    proxy.cutAfter = (text) => text.includes('"PlaceOrder"') && cuts++ < 1;
    await order(page, { side: "Buy", quantity: 100 });
    await panel(page, "Order").getByText("Filled: Buy 100 ALFA 600102").waitFor();
    await connected(page);
    const orders = proxy.sent.filter((text) => text.includes('"PlaceOrder"'));
    assert.equal(orders.length, 2, "the page has sent the order again");
    assert.equal(orders[0], orders[1]);
    await rows(page, tape, "600102").first().waitFor(); // the tape is loaded again
    assert.equal(await rows(page, tape, "600102").count(), 1);
    const history = await own.as(operator, "History", { customer: 100001, limit: 10 });
    assert.equal(history.executions.length, 1);
    await rows(page, "Positions", "600102").getByText("100", { exact: true }).waitFor();
  } finally {
    await proxy.close();
  }
});

flow("drop: an operator closes the connections; the page is back, with what happened meanwhile", async (at) => {
  at.expect(...broken);
  const own = await server();
  const page = await at.login(own, 100002);
  await own.as(operator, "Operate", { disconnect: { customer: 100002 } });
  await own.as(100002, "PlaceOrder", { side: "SIDE_BUY", market: "ALFA", code: "600104", quantity: 500n });
  await rows(page, tape, "600104").waitFor();
  await page.getByText(/Connected again/).waitFor();
  await connected(page);
  assert.equal(await rows(page, tape, "600104").count(), 1);
});

type Message = { command: string; id: number | string; result?: string; body?: Record<string, unknown> };

/** A page whose server answers through a filter: what the filter returns is sent instead. */
async function through(at: Flow, customer: number, filter: (message: Message) => Message[]): Promise<Page> {
  const context = await at.context();
  const page = await context.newPage();
  await page.routeWebSocket(/\/ws$/, (route: WebSocketRoute) => {
    const real = route.connectToServer();
    real.onMessage((text) => {
      for (const message of filter(JSON.parse(String(text)) as Message)) route.send(JSON.stringify(message));
    });
  });
  await page.goto((await server()).origin);
  await logIn(page, customer);
  return page;
}

flow("newer server: unknown pushes, fields and values are ignored or shown by their names", async (at) => {
  const page = await through(at, 100003, (message) => {
    const all: Message[] = [message];
    if (message.body) message.body = { ...message.body, novelty: { deep: [1, { x: "y" }] } };
    if (message.command === "LoginReply") all.push({ command: "Weather", id: 0, body: { rain: true } });
    if (message.command === "ConnReply") message.body!["serverVersion"] = "v99.0.0";
    if (message.command === "PlaceOrderReply" && message.result === "REJECTED") message.body!["reason"] = "REASON_FROM_THE_FUTURE";
    if (message.command === "OrderUpdate") (message.body!["order"] as Record<string, unknown>)["type"] = "ORDER_TYPE_ICEBERG";
    return all;
  });
  await choose(page, "600105");
  await order(page, { side: "Buy", quantity: 100 });
  await rows(page, tape, "600105").waitFor();
  await order(page, { side: "Buy", quantity: 50 });
  await panel(page, "Order").getByRole("alert").filter({ hasText: /lot/ }).waitFor();
  await page.keyboard.press("Escape");
  await order(page, { side: "Buy", quantity: 100, limit: "9.00" });
  await rows(page, "Working orders", "9.00").waitFor();
  assert.doesNotMatch((await page.locator("body").textContent())!, /undefined|\[object|NaN/);
});

flow("older server: a command that it lacks is said in words", async (at) => {
  const lacking = ["ReplaceOrderReply", "OrdersReply"];
  const page = await through(at, 100004, (message) =>
    lacking.includes(message.command) ? [{ command: message.command, id: message.id, result: "UNKNOWN_COMMAND", body: { message: "unknown command" } }] : [message],
  );
  await choose(page, "600106");
  await order(page, { side: "Buy", quantity: 100 });
  await panel(page, "Order").getByText("Filled: Buy 100 ALFA 600106").waitFor();
  await page.goto(`${(await server()).origin}/#orders`);
  await page.getByText(/does not have (this|the) command/).first().waitFor();
});
