// How the page looks, and that everybody can use it: widths, dark, reduced motion, axe-core.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { choose, flow, logIn, order, panel, phone, rows, shared, until, wide } from "./harness.ts";
import { operator, Server } from "./server.ts";

const server = shared(async () => {
  const own = await Server.start();
  // A bust and a correction, so that every kind of row is there.
  for (let i = 0; i < 3; i++) await own.as(100001, "PlaceOrder", { side: "SIDE_BUY", market: "BETA", code: "600101", quantity: 100n });
  await own.as(operator, "Bust", { executionId: (100001n << 32n) | 1n, reason: "fat finger" });
  await own.as(operator, "Correct", { executionId: (100001n << 32n) | 2n, quantity: 100n, price: 99000n, reason: "wrong price" });
  await own.as(100001, "PlaceOrder", { side: "SIDE_BUY", market: "BETA", code: "600101", quantity: 200n, type: "ORDER_TYPE_LIMIT", price: 90000n });
  await own.as(operator, "Operate", { halt: { market: "BETA", code: "600105" } });
  return own;
});

/** What a screen must show before it is looked at. */
const screens: { at: string; ready: (page: Page) => Promise<unknown> }[] = [
  { at: "#trade", ready: (page) => page.getByRole("grid", { name: "Quotes" }).getByText("600101").first().waitFor() },
  { at: "#orders", ready: (page) => rows(page, "Orders, newest first", /No order matches|60010/).first().waitFor() },
  { at: "#orders/executions", ready: (page) => page.getByRole("grid").getByText(/No execution|60010/).first().waitFor() },
  { at: "#operator/overview", ready: (page) => page.getByText("Ready: orders are taken").waitFor() },
  { at: "#operator/sessions", ready: (page) => rows(page, "Sessions, newest first", String(operator)).first().waitFor() },
  { at: "#operator/accounts/100001", ready: (page) => rows(page, "Positions of 100001", "600101").waitFor() },
  { at: "#operator/bust/100001-3", ready: (page) => page.getByRole("button", { name: "Show what would change" }).waitFor() },
  { at: "#operator/market", ready: (page) => rows(page, "Instruments", "600101").waitFor() },
  { at: "#operator/audit", ready: (page) => rows(page, "Audit, newest first", "bust").first().waitFor() },
  { at: "#help/trading", ready: (page) => page.getByRole("heading", { name: "Trading", exact: true }).waitFor() },
];

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The findings of axe-core on what the page shows, one line each. */
async function findings(page: Page, where: string): Promise<string[]> {
  await page.evaluate(axe + ";0");
  return page.evaluate(async (where) => {
    type Result = { violations: { id: string; nodes: { target: string[]; failureSummary?: string }[] }[] };
    const { violations } = (await (globalThis as never as { axe: { run: (options: object) => Promise<Result> } }).axe.run({ resultTypes: ["violations"] })) as Result;
    return violations.map(({ id, nodes }) => `${where}: ${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(" ")}: ${node.failureSummary}`).join("; ")}`);
  }, where);
}

for (const [name, viewport] of [["1280", wide], ["390", phone]] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    // Two of the four have both widths and both schemes; FLOWS_ALL=1 runs the others, too.
    if (!process.env.FLOWS_ALL && (name === "1280") !== (colorScheme === "light")) continue;
    flow(`axe: no findings on any screen, ${name} pixels wide, ${colorScheme}`, async (at) => {
      const own = await server();
      const options = { viewport, colorScheme, bypassCSP: true } as const;
      const found: string[] = [];
      const page = await at.open(own, options);
      await page.getByLabel("Password").waitFor();
      found.push(...(await findings(page, "login")));
      await logIn(page, operator);
      for (const { at, ready } of screens.slice(1)) {
        await page.evaluate((hash) => (location.hash = hash), at);
        await ready(page);
        found.push(...(await findings(page, at)));
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      found.push(...(await findings(page, "the keys")));

      const trader = await at.login(own, 100001, options);
      await screens[0]!.ready(trader);
      await part(trader, "Tape");
      await rows(trader, "Executions, newest first", "600101").first().waitFor();
      found.push(...(await findings(trader, "#trade, tape")));
      await part(trader, "Working");
      found.push(...(await findings(trader, "#trade, working")));
      await part(trader, "Positions");
      found.push(...(await findings(trader, "#trade, positions")));
      await trader.keyboard.press("b");
      await panel(trader, "Order").getByLabel("Quantity").fill("150");
      await trader.keyboard.press("Enter");
      await panel(trader, "Order").getByRole("alert").filter({ hasText: /lot/ }).waitFor();
      found.push(...(await findings(trader, "#trade, the ticket with a refusal")));
      assert.deepEqual(found, []);
    });
  }
}

/** Goes to a panel, where only one is there at a time. */
async function part(page: Page, name: string): Promise<void> {
  const button = page.getByRole("navigation", { name: "Panels" }).getByRole("button", { name });
  if (await button.count()) await button.click();
}

flow("phone: no screen is wider than 390 pixels, and what is tapped is large enough", async (at) => {
  const own = await server();
  const page = await at.login(own, operator, { viewport: phone, hasTouch: true });
  const wrong: string[] = [];
  const look = async (where: string) => {
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    if (width > 390) wrong.push(`${where} is ${width} pixels wide`);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("button, a[href], input:not(.hidden), select, summary")]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("article, p, td, th"))
        .map((e) => ({ e, box: (e.closest("label") ?? e).getBoundingClientRect() })) // a label is tapped, too
        .filter(({ box }) => box.width > 0 && (box.width < 24 || box.height < 24))
        .map(({ e, box }) => `${e.tagName} ${e.textContent?.slice(0, 30) || e.getAttribute("aria-label")} ${Math.round(box.width)} x ${Math.round(box.height)}`),
    );
    wrong.push(...small.map((text) => `${where}: ${text}`));
  };
  for (const { at, ready } of screens) {
    await page.evaluate((hash) => (location.hash = hash), at);
    await ready(page);
    await look(at);
  }
  await page.evaluate(() => (location.hash = "#trade"));
  for (const name of ["Positions", "Order", "Working", "Tape", "Quotes"]) {
    await part(page, name);
    await look(`#trade, ${name}`);
  }
  assert.deepEqual(wrong, []);
});

flow("phone: an order with taps alone", async (at) => {
  const page = await at.login(await server(), 100002, { viewport: phone, hasTouch: true });
  await rows(page, "Quotes", "600102").tap();
  await part(page, "Order");
  await panel(page, "Order").getByText("600102").first().waitFor();
  const quantity = panel(page, "Order").getByLabel("Quantity");
  if (!(await quantity.isVisible())) await panel(page, "Order").getByRole("button", { name: "Buy" }).first().tap();
  await quantity.fill("100");
  await page.locator('button[type="submit"]').tap();
  await panel(page, "Order").getByText("Filled: Buy 100 ALFA 600102").waitFor();
  await part(page, "Tape");
  await rows(page, "Executions, newest first", "600102").tap();
  await page.getByRole("dialog").getByText("Bought").waitFor();
});

flow("dark and light follow the system; nothing moves with reduced motion", async (at) => {
  const own = await server();
  const page = await at.login(own, 100003, { reducedMotion: "reduce" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await until("the page is dark", async () => (await background()) !== light);
  await choose(page, "600103");
  await order(page, { side: "Buy", quantity: 100 });
  await rows(page, "Executions, newest first", "600103").waitFor();
  const moving = await page.evaluate(() => document.getAnimations().filter((one) => Number(one.effect?.getComputedTiming().duration ?? 0) > 10).length);
  assert.equal(moving, 0);
});

flow("policy: every answer has a strict policy, and nothing is inline", async (at) => {
  const own = await server();
  const page = await at.login(own, 100004);
  for (const path of ["/", "/console.js", "/console.css", "/favicon.svg", "/api/console", "/api/help", "/no/such/page"]) {
    const answer = await fetch(own.origin + path);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/, path);
    for (const wanted of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
      assert.ok(policy.includes(wanted), `${path}: ${policy}`);
    }
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(answer.headers.get("referrer-policy"), "no-referrer", path);
  }
  const html = await (await fetch(own.origin)).text();
  assert.doesNotMatch(html, /<script(?![^>]* src=)|<style| style=| on[a-z]+=/i);
  const blocked = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener("securitypolicyviolation", (event) => resolve(event.violatedDirective), { once: true });
        const inline = document.createElement("script");
        inline.textContent = "document.title = 'owned'";
        document.body.append(inline);
      }),
  );
  assert.match(blocked, /script-src/);
  at.expect(/CSP: script-src|Content Security Policy/i);
});
