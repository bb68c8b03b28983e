// As much on one page as an account can have.
import assert from "node:assert/strict";
import { choose, flow, logIn, order, panel, rows, until } from "./harness.ts";
import { operator, plainSeed, Server, type Seed } from "./server.ts";

/** 4,096 instruments, and a customer who has a position in each. */
export function largeSeed(): Seed {
  const seed = plainSeed();
  seed.instruments = Array.from({ length: 4096 }, (_, i) => ({ market: "ALFA", code: String(100000 + i), name: `Share ${i}`, lot: 100, minimum_lot: 100, tick: "0.01", last: "10.00" }));
  const positions = seed.instruments.map(({ market, code }) => ({ market, code, quantity: 1000, average_cost: "9.00" }));
  const staff = seed.customers.slice(0, 2);
  seed.customers = [...staff, { customer: 100001, name: "Large", cash: "1000000000.00", positions }];
  return seed;
}

/** Places limit orders that wait, as fast as replies come. */
export async function placeWorking(server: Server, customer: number, count: number): Promise<void> {
  const client = await server.client(customer);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) {
      await client.placeOrder({ side: "SIDE_BUY", market: "ALFA", code: String(100000 + (i % 4096)), type: "ORDER_TYPE_LIMIT", timeInForce: "TIME_IN_FORCE_GOOD_TILL_CANCELLED", quantity: 100n, price: 50000n + BigInt(i % 300) * 100n });
    }
  };
  await Promise.all(Array.from({ length: 200 }, worker));
  client.close();
}

/** As many as a server lets an account have. */
const most = 4096;

flow("large: 10,000 working orders and 4,096 positions on one page", async (at) => {
  const own = await at.own(Server.start({ seed: largeSeed(), flags: ["--working-orders", String(most)] }));
  await placeWorking(own, 100001, most - 1);
  const context = await at.context();
  const page = await context.newPage();
  // The last page of the working orders has some more, which the server does not have.
  await page.routeWebSocket(/\/ws$/, (route) => {
    const real = route.connectToServer();
    real.onMessage((text) => {
      const message = JSON.parse(String(text)) as { command: string; body?: { orders?: Record<string, string>[]; more?: boolean } };
      const orders = message.body?.orders;
      if (message.command !== "OrdersReply" || !orders?.length || message.body!.more) return route.send(text);
      const last = orders.at(-1)!;
      for (let i = 1; i <= 10_000 - (most - 1); i++) orders.push({ ...last, orderId: String(BigInt(last["orderId"]!) + BigInt(1_000_000 + i)), price: "40000" });
      route.send(JSON.stringify(message));
    });
  });
  await page.goto(own.origin);
  await logIn(page, 100001);
  await panel(page, "Working orders").getByText("10,000", { exact: true }).waitFor();
  await panel(page, "Positions").getByText("4,096", { exact: true }).waitFor();
  const elements = await page.locator("*").count();
  assert.ok(elements < 3000, `the page has ${elements} elements: only the rows in view should be there`);
  const working = page.getByRole("grid", { name: "Working orders" });
  assert.equal(await working.getAttribute("aria-rowcount"), "10001");

  await working.focus();
  await page.keyboard.press("End");
  await rows(page, "Working orders").and(page.locator('[aria-rowindex="10001"]')).waitFor();
  await working.getByRole("columnheader", { name: "Limit" }).getByRole("button").click();
  await working.focus();
  await page.keyboard.press("Home");
  await rows(page, "Working orders").first().getByText("7.99").waitFor();
  await page.getByRole("grid", { name: "Positions" }).getByRole("columnheader", { name: "Profit" }).getByRole("button").click();

  await page.keyboard.press("/");
  await page.keyboard.type("104095");
  await rows(page, "Quotes", "104095").waitFor();
  await page.keyboard.press("Enter");
  await choose(page, "104095");
  await order(page, { side: "Buy", quantity: 100, limit: "8.00" });
  await rows(page, "Working orders").first().getByText("8.00").waitFor();
  await own.as(operator, "Operate", { jump: { market: "ALFA", code: "104095", price: 80000n } });
  await rows(page, "Executions, newest first", "104095").first().waitFor();

  await panel(page, "Working orders").getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Cancel 10,000 orders/ }).click();
  await page.getByText("Cancelled 4,095 orders.").waitFor();
  await panel(page, "Working orders").getByText("5,905", { exact: true }).waitFor();
  await until("nothing works on the server", async () => (await own.as(operator, "Orders", { customer: 100001, limit: 10 })).orders.length === 0);
});
