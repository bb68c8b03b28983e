// Orders from the ticket to what becomes of them.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { choose, connected, flow, order, panel, rows, shared, until } from "./harness.ts";
import { password, plainSeed, Server } from "./server.ts";

const server = shared(() => {
  const seed = plainSeed();
  for (const one of seed.customers) one["directives"] = true;
  return Server.start({ seed });
});

/** What the ticket says about the last order. */
const outcome = (page: Page) => panel(page, "Order").getByRole("status");

flow("order: a market order is filled, and position, cash and tape say so", async (at) => {
  const page = await at.login(await server(), 100001);
  await choose(page, "600102");
  await order(page, { side: "Buy", quantity: 200 });
  await outcome(page).getByText("Filled: Buy 200 ALFA 600102").waitFor();
  await rows(page, "Positions", "600102").getByText("200", { exact: true }).waitFor();
  await panel(page, "Positions").getByText("998,000.00").first().waitFor();
  const tape = rows(page, "Executions, newest first");
  assert.equal(await tape.count(), 1);
  assert.match((await tape.textContent())!, /Buy.*600102.*200.*10\.00/);
  await rows(page, "Working orders", "No working orders").waitFor();
});

flow("order: a limit order waits, is filled when the price reaches it, and leaves the working orders", async (at) => {
  const own = await server();
  const page = await at.login(own, 100002);
  await choose(page, "600103");
  await order(page, { side: "Buy", quantity: 300, limit: "9.50" });
  await outcome(page).getByText("Working: Buy 300 BETA 600103 limit at 9.50").waitFor();
  const row = rows(page, "Working orders", "600103");
  await row.waitFor();
  assert.match((await row.textContent())!, /Buy.*300.*9\.50.*Working/);
  await own.as(900001, "Operate", { jump: { market: "BETA", code: "600103", price: 94000n } });
  await rows(page, "Working orders", "No working orders").waitFor();
  await rows(page, "Executions, newest first", "600103").getByText("9.40").waitFor();
  await rows(page, "Positions", "600103").getByText("300", { exact: true }).waitFor();
  await rows(page, "Quotes", "600103").getByText("9.40").waitFor();
});

flow("order: refusals are said in words, and the ticket stays as it was", async (at) => {
  const page = await at.login(await server(), 100003);
  const refused = async (ticket: Parameters<typeof order>[1], words: RegExp) => {
    await choose(page, "600104");
    await order(page, ticket);
    const alert = panel(page, "Order").getByRole("alert").filter({ hasText: words });
    await alert.waitFor();
    assert.doesNotMatch((await alert.textContent())!, /REASON_|undefined|\[object/);
    assert.equal(await panel(page, "Order").getByLabel("Quantity").inputValue(), String(ticket.quantity));
    await page.keyboard.press("Escape");
  };
  await refused({ side: "Buy", quantity: 50 }, /lots/);
  await refused({ side: "Buy", quantity: 10_000_000 }, /not enough (free )?cash/);
  await refused({ side: "Sell", quantity: 100 }, /fewer shares|not enough/i);
  await refused({ side: "Buy", quantity: 100, limit: "9.505" }, /tick/);
  await refused({ side: "Buy", quantity: 100, id: "a!reject=MARKET_CLOSED" }, /closed/);
  await refused({ side: "Buy", quantity: "many" }, /whole number/);
  await rows(page, "Executions, newest first", "No executions yet").waitFor();
});

flow("order: a stop order is triggered, an IOC rest and an expired order are explained", async (at) => {
  const own = await server();
  const page = await at.login(own, 100004);
  await choose(page, "600105");
  const box = panel(page, "Order");
  await box.getByRole("button", { name: "Buy" }).first().click();
  await box.getByLabel("Quantity").fill("100");
  await box.getByLabel(/^Type/).selectOption("Stop");
  await box.getByLabel(/^Stop price/).fill("10.50");
  await page.keyboard.press("Enter");
  await rows(page, "Working orders", "600105").getByText("10.50").waitFor();
  await own.as(900001, "Operate", { jump: { market: "BETA", code: "600105", price: 106000n } });
  await rows(page, "Executions, newest first", "600105").getByText("10.60").waitFor();
  await order(page, { side: "Buy", quantity: 100, limit: "9.00", force: "IOC: at once, the rest is cancelled" });
  await outcome(page).getByText(/Cancelled.*could not be executed at once/).waitFor();
});

flow("order: cancel, replace, and cancel all", async (at) => {
  const page = await at.login(await server(), 100005);
  await choose(page, "600106");
  for (const limit of ["9.10", "9.20", "9.30"]) {
    await order(page, { side: "Buy", quantity: 100, limit });
    await rows(page, "Working orders", limit).waitFor();
  }
  await rows(page, "Working orders", "9.10").getByRole("button", { name: "Replace" }).click();
  const replace = page.getByRole("dialog");
  await replace.getByLabel("Quantity, with what is filled").fill("400");
  await replace.getByLabel("Limit").fill("9.15");
  await replace.getByText("limit 9.10 → 9.15").waitFor();
  await replace.getByRole("button", { name: "Replace" }).click();
  await rows(page, "Working orders", "9.15").getByText("400").waitFor();
  assert.equal(await rows(page, "Working orders", "9.10").count(), 0);
  await rows(page, "Working orders", "9.20").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
  await until("two orders are left", async () => (await rows(page, "Working orders", "600106").count()) === 2);
  await panel(page, "Working orders").getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel 2 orders" }).click();
  await rows(page, "Working orders", "No working orders").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
});

flow("order: a cancel that comes too late says what the order is now", async (at) => {
  const own = await server();
  const page = await at.login(own, 100006);
  await choose(page, "600107");
  await order(page, { side: "Buy", quantity: 100, limit: "9.10" });
  await rows(page, "Working orders", "600107").getByRole("button", { name: "Cancel" }).click();
  await own.as(900001, "Operate", { jump: { market: "BETA", code: "600107", price: 91000n } });
  await rows(page, "Executions, newest first", "600107").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
  await page.getByRole("dialog").getByRole("alert").getByText(/Too late.*filled now/).waitFor();
});

flow("order: with the keyboard alone from the login to a fill", async (at) => {
  const page = await at.open(await server());
  await page.getByLabel("Customer").waitFor();
  const type = (text: string) => page.keyboard.type(text);
  const press = (key: string) => page.keyboard.press(key);
  await until("the first field has the focus", () => page.getByLabel("Customer").evaluate((e) => e === document.activeElement));
  await type("100007");
  await press("Tab");
  await type(password);
  await press("Enter");
  await connected(page);
  await rows(page, "Quotes", "600108").waitFor();
  await press("/");
  await until("the search has the focus", () => page.getByRole("searchbox").evaluate((e) => e === document.activeElement));
  await type("green copper");
  await press("Enter");
  await panel(page, "Order").getByText("600108").first().waitFor();
  await press("b");
  await until("the quantity has the focus", () => panel(page, "Order").getByLabel("Quantity").evaluate((e) => e === document.activeElement));
  await type("500");
  await press("Enter");
  await outcome(page).getByText("Filled: Buy 500 ALFA 600108").waitFor();
  await press("s");
  await until("the quantity has the focus", () => panel(page, "Order").getByLabel("Quantity").evaluate((e) => e === document.activeElement));
  await type("100");
  await press("Tab");
  await press("Tab");
  await press("ArrowDown"); // the type: limit
  await panel(page, "Order").getByLabel(/^Limit/).focus();
  await press("ArrowUp");
  await press("Enter");
  await outcome(page).getByText("Working: Sell 100 ALFA 600108 limit at 10.01").waitFor();
  await press("x");
  await page.getByRole("dialog").getByText("Cancel all working orders?").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("grid", { name: "Working orders" }).focus();
  await press("ArrowDown");
  await press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).focus();
  await press("Enter");
  await rows(page, "Working orders", "No working orders").waitFor();
});

flow("order: parts of an order are one row with its average, and old orders can be searched", async (at) => {
  const page = await at.login(await server(), 100008);
  await choose(page, "600109");
  await order(page, { side: "Buy", quantity: 300, id: "split!parts=3" });
  await outcome(page).getByText("Filled: Buy 300 BETA 600109").waitFor();
  assert.equal(await rows(page, "Executions, newest first", "600109").count(), 3);
  await page.goto(`${(await server()).origin}/#orders`);
  const row = rows(page, "Orders, newest first", "600109");
  await row.getByText("split!parts=3").waitFor();
  assert.equal(await row.count(), 1);
  assert.match((await row.textContent())!, /Filled/);
});
