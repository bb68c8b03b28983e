// The operator's screens.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { choose, connected, flow, order, panel, rows, shared, until } from "./harness.ts";
import { operator, plainSeed, Server, viewer } from "./server.ts";

const server = shared(() => Server.start({ flags: ["--clock", "stepped", "--start", "2026-01-05T09:00:00+00:00"] }));

async function screen(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Parts of the page" }).getByRole("link", { name: "Operator" }).click();
  await page.getByRole("navigation", { name: "Screens of the operator" }).getByRole("link", { name }).click();
}

flow("operator: the overview has figures that move", async (at) => {
  const own = await server();
  const page = await at.login(own, operator);
  await screen(page, "Overview");
  await page.getByText("Ready: orders are taken").waitFor();
  const requests = page.getByRole("group", { name: "Requests a second" }).getByText(/in all/);
  const first = await requests.textContent();
  const client = await own.client(100060);
  for (let i = 0; i < 50; i++) await client.request("Heartbeat");
  await until("the requests are more", async () => (await requests.textContent()) !== first);
  await page.getByRole("row", { name: /Heartbeat/ }).first().waitFor();
  await page.getByRole("group", { name: "Commits a second" }).waitFor();
  assert.doesNotMatch((await page.getByRole("main").textContent())!, /undefined|NaN|\[object/);
  client.close();
});

flow("operator: sessions are found and disconnected", async (at) => {
  at.expect(/WebSocket/);
  const own = await server();
  const trader = await at.login(own, 100001);
  const page = await at.login(own, operator);
  await screen(page, "Sessions");
  await page.getByRole("searchbox", { name: "Search sessions" }).fill("Trader 1");
  const row = rows(page, "Sessions, newest first", "100001");
  await row.first().click();
  await until("only sessions that match are there", async () => (await rows(page, "Sessions, newest first", String(operator)).count()) === 0);
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await page.getByText(/100001 Trader 1: 1 connection closed/).waitFor();
  await trader.getByText(/Connected again/).waitFor();
  await connected(trader);
});

flow("operator: a deposit, which the trader sees at once", async (at) => {
  const own = await server();
  const trader = await at.login(own, 100002);
  const page = await at.login(own, operator);
  await screen(page, "Accounts");
  await page.getByRole("searchbox", { name: /Search customers/ }).fill("100002");
  await page.keyboard.press("Enter");
  await panel(page, "100002 Trader 2").getByRole("button", { name: "Deposit" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Amount").fill("500");
  await dialog.getByLabel(/Comment/).fill("bonus");
  await dialog.getByText("1,000,500.00").waitFor();
  await dialog.getByRole("button", { name: "Deposit" }).click();
  await page.getByText("has 1,000,500.00 in cash").waitFor();
  await trader.getByText("500.00 came into the account. bonus").waitFor();
  await panel(trader, "Positions").getByText("1,000,500.00").first().waitFor();
});

flow("operator: a bust with its preview, which changes nothing before it is confirmed", async (at) => {
  const own = await server();
  const trader = await at.login(own, 100003);
  await choose(trader, "600101");
  await order(trader, { side: "Buy", quantity: 200 });
  await rows(trader, "Executions, newest first", "600101").waitFor();
  const page = await at.login(own, operator);
  await screen(page, "Bust and correct");
  await page.getByLabel(/^Execution, such as/).fill("100003-1");
  await page.getByLabel(/^Reason/).fill("test of the console");
  await page.getByRole("button", { name: "Show what would change" }).click();
  const preview = panel(page, "Preview");
  await preview.getByText("To bust: 1 execution of 1 account").waitFor();
  await preview.getByRole("row", { name: /Cash of the account/ }).getByText("1,000,000.00").waitFor();
  assert.equal(await rows(trader, "Executions, newest first").locator("s").count(), 0, "a preview changes nothing");
  await preview.getByRole("button", { name: "Bust 1 execution" }).click();
  await page.getByText("1 execution busted").waitFor();
  await rows(trader, "Executions, newest first", "test of the console").waitFor();
  await trader.getByRole("log", { name: "Messages" }).getByText("Execution 100003-1 was busted. Reason: test of the console").waitFor();
});

flow("operator: a correction with its preview", async (at) => {
  const own = await server();
  const trader = await at.login(own, 100004);
  await choose(trader, "600102");
  await order(trader, { side: "Buy", quantity: 200 });
  await rows(trader, "Executions, newest first", "600102").waitFor();
  const page = await at.login(own, operator, {}, "#operator/bust/100004-1");
  await page.getByRole("button", { name: "Correct one execution" }).click();
  await until("the form has the execution as it is", async () => (await page.getByLabel("Right quantity").inputValue()) === "200");
  await page.getByLabel("Right price").fill("9.75");
  await page.getByLabel(/^Reason/).fill("wrong price");
  await page.getByRole("button", { name: "Show what would change" }).click();
  const preview = panel(page, "Preview");
  await preview.getByText("To correct: 100004-1").waitFor();
  await preview.getByRole("row", { name: /Average cost/ }).getByText("9.7500").waitFor();
  assert.equal(await rows(trader, "Executions, newest first").count(), 1, "a preview changes nothing");
  await preview.getByRole("button", { name: "Correct 100004-1" }).click();
  await rows(trader, "Executions, newest first", "wrong price").waitFor();
  await rows(trader, "Positions", "600102").getByText("9.7500").waitFor();
});

flow("operator: halt, a refusal in words, resume, jump, step, and the audit of it all", async (at) => {
  const own = await at.own(Server.start({ flags: ["--clock", "stepped", "--start", "2026-01-05T09:00:00+00:00"] }));
  const trader = await at.login(own, 100001);
  const page = await at.login(own, operator);
  await screen(page, "Market");
  const row = rows(page, "Instruments", "600103");
  await row.click();
  await panel(page, "Instruments").getByRole("button", { name: "Halt", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Halt BETA/600103" }).click();
  await row.getByText("halted").waitFor();
  await choose(trader, "600103");
  await order(trader, { side: "Buy", quantity: 100 });
  await panel(trader, "Order").getByRole("alert").getByText(/halted/).waitFor();
  await panel(page, "Instruments").getByRole("button", { name: "Resume", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume BETA/600103" }).click();
  await row.getByText("traded").waitFor();
  await trader.locator('button[type="submit"]').click();
  await panel(trader, "Order").getByText("Filled: Buy 100 BETA 600103").waitFor();
  await panel(page, "Instruments").getByRole("button", { name: "Jump to a price" }).click();
  await page.getByRole("dialog").getByLabel("Price").fill("10.50");
  await page.getByRole("dialog").getByRole("button", { name: "Jump to 10.50" }).click();
  await rows(trader, "Quotes", "600103").getByText("10.50").waitFor();
  await rows(trader, "Positions", "600103").getByText("+50.00").waitFor();
  const clock = panel(page, "Trading clock");
  const before = await clock.locator("dd").nth(1).textContent();
  await clock.getByLabel("How far").fill("2");
  await clock.getByLabel("Unit").selectOption("hours");
  await clock.getByRole("button", { name: "Step" }).click();
  await page.getByText(/The clock is at 2026-01-05/).waitFor();
  await until("the clock shows it", async () => (await clock.locator("dd").nth(1).textContent()) !== before);
  await screen(page, "Audit");
  for (const [i, command] of ["step", "jump", "resume", "halt"].entries()) {
    await rows(page, "Audit, newest first", command).first().waitFor();
    assert.match((await rows(page, "Audit, newest first").nth(i).textContent())!, new RegExp(`${operator} Olga.*${command}.*OK`));
  }
});

flow("viewer: reads everything and has no commands", async (at) => {
  const own = await server();
  const page = await at.login(own, viewer);
  const commands = /^(Halt|Resume|Jump|Disconnect|Hold|Deposit|Withdraw|Reset|Reject|Bust|Correct|Buy|Sell|Step|Cancel all)\b/;
  const none = async () => assert.equal(await page.getByRole("button", { name: commands }).and(page.locator(":enabled")).count(), 0);
  await choose(page, "600100");
  await none();
  await page.keyboard.press("b");
  assert.equal(await page.getByLabel("Quantity").count(), 0);
  for (const name of ["Overview", "Sessions", "Accounts", "Market", "Audit"]) {
    await screen(page, name);
    await none();
  }
  assert.equal(await page.getByRole("link", { name: "Bust and correct" }).count(), 0);
  await page.goto(`${own.origin}/#operator/accounts/100005`);
  await panel(page, "100005 Trader 5").getByText("1,000,000.00").first().waitFor();
  await none();
});

flow("operator: a role that is taken away counts at once, and the page says so", async (at) => {
  at.expect(/\b403\b/);
  const seed = plainSeed();
  seed.customers.push({ customer: 900003, name: "Otto", role: "operator", cash: "0", positions: [] });
  const own = await at.own(Server.start({ seed }));
  const page = await at.login(own, 900003);
  await screen(page, "Market");
  await rows(page, "Instruments", "600104").click();
  await panel(page, "Instruments").getByRole("button", { name: "Halt", exact: true }).click();
  await page.route("**/api/figures", () => {}); // no answer: else the page may find out before the click
  await own.reload((all) => delete all.customers.find((one) => one.customer === 900003)!.role);
  await page.getByRole("dialog").getByRole("button", { name: "Halt ALFA/600104" }).click();
  await page.getByText(/may not do this/).first().waitFor();
  await until("there is no operator's screen", async () => (await page.getByRole("link", { name: "Operator" }).count()) === 0);
  const quotes = await own.as(100001, "Quotes", { limit: 100 });
  assert.equal(quotes.instruments.find((one) => one.code === "600104")!.halted, false);
});
