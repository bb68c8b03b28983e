// Busts and corrections, as the customer sees them.
import assert from "node:assert/strict";
import { choose, flow, order, panel, rows, shared } from "./harness.ts";
import { operator, Server } from "./server.ts";

const server = shared(() => Server.start());
const tape = "Executions, newest first";

flow("bust: struck out in place with its reason, and position and cash as before", async (at) => {
  const own = await server();
  const page = await at.login(own, 100001);
  await choose(page, "600101");
  await order(page, { side: "Buy", quantity: 100 });
  await rows(page, tape, "600101").waitFor();
  await order(page, { side: "Buy", quantity: 200 });
  await rows(page, "Positions", "600101").getByText("300", { exact: true }).waitFor();
  const first = rows(page, tape, "100001-1");
  await own.as(operator, "Bust", { executionId: (100001n << 32n) | 1n, reason: "fat finger" });
  await first.getByText("fat finger").waitFor();
  assert.deepEqual(await rows(page, tape).locator("[role=gridcell]:nth-child(4)").allTextContents(), ["200", "100"]);
  assert.equal(await first.locator("s").first().isVisible(), true);
  assert.match(await first.locator("s").first().evaluate((e) => getComputedStyle(e).textDecorationLine), /line-through/);
  assert.equal(await rows(page, tape, "200").locator("s").count(), 0);
  await rows(page, "Positions", "600101").getByText("200", { exact: true }).waitFor();
  await panel(page, "Positions").getByText("998,000.00").first().waitFor();
  await first.dblclick();
  await page.getByRole("dialog").getByText("An operator took this execution back").waitFor();
  await page.getByRole("dialog").getByText("fat finger").waitFor();
  await page.keyboard.press("Escape");
  await page.reload();
  await rows(page, tape, "fat finger").waitFor();
});

flow("correction: the old and the new execution are both there, each with the way to the other", async (at) => {
  const own = await server();
  const page = await at.login(own, 100002);
  await choose(page, "600102");
  await order(page, { side: "Buy", quantity: 200 });
  await rows(page, tape, "600102").waitFor();
  await own.as(operator, "Correct", { executionId: (100002n << 32n) | 1n, quantity: 200n, price: 97500n, reason: "wrong price" });
  const old = rows(page, tape, "corrected");
  await old.getByText("wrong price").waitFor();
  const replacement = rows(page, tape, "correction");
  await replacement.waitFor();
  assert.match((await replacement.textContent())!, /10\.00.*9\.75/);
  assert.ok((await old.locator("s").count()) > 0);
  await rows(page, "Positions", "600102").getByText("9.7500").waitFor();
  await replacement.dblclick();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("in the place of 100002-1").waitFor();
  await dialog.getByRole("button", { name: "Show 100002-1" }).click();
  await dialog.getByText("corrected this execution: 100002-2").waitFor();
});
