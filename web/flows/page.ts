// The browser, and what flows and measurements do on the page.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";
import { password } from "./server.ts";

export const wide = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

let browser: Promise<Browser> | undefined;

/** The one browser of all flows. */
export async function theBrowser(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path)) ?? "chromium",
    headless: true,
    // A machine of tests has no GPU: what imitates one is slower than to do without.
    args: ["--no-sandbox", "--disable-gpu", "--disable-gpu-rasterization", "--disable-software-rasterizer"],
    handleSIGINT: false, // interrupted does it
    handleSIGTERM: false,
  });
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await browser?.then((one) => one.close());
}

export async function logIn(page: Page, customer: number, word = password): Promise<void> {
  await page.getByLabel("Customer").fill(String(customer));
  await page.getByLabel("Password").fill(word);
  await page.getByRole("button", { name: "Log in" }).click();
  await connected(page);
}

/** Waits until the page is connected. */
export async function connected(page: Page): Promise<void> {
  await page.getByRole("banner").getByText(/^● ?Connected$/).waitFor();
}

/** A panel of the page, by its title. */
export function panel(page: Page, title: string) {
  return page.getByRole("region", { name: title, exact: true });
}

/** The rows of a table that have a text. */
export function rows(page: Page, table: string | RegExp, text: string | RegExp = "") {
  const exact = typeof table === "string";
  return page
    .getByRole("grid", { name: table, ...(exact ? { exact } : {}) })
    .getByRole("row")
    .filter({ has: page.getByRole("gridcell") })
    .filter({ hasText: text });
}

/** Chooses an instrument in the quotes by its code. */
export async function choose(page: Page, code: string): Promise<void> {
  await rows(page, "Quotes", code).first().click();
  await panel(page, "Order").getByText(code).first().waitFor();
}

export interface Ticket {
  side: "Buy" | "Sell";
  quantity: number | string;
  limit?: string;
  type?: string;
  force?: string;
  id?: string;
}

/** Fills in the ticket of the chosen instrument and sends it. */
export async function order(page: Page, ticket: Ticket): Promise<void> {
  const box = panel(page, "Order");
  await box.getByRole("button", { name: ticket.side }).first().click();
  await box.getByLabel("Quantity").fill(String(ticket.quantity));
  const type = ticket.type ?? (ticket.limit === undefined ? undefined : "Limit");
  if (type !== undefined) await box.getByLabel(/^Type/).selectOption(type);
  if (ticket.limit !== undefined) await box.getByLabel(/^Limit/).fill(ticket.limit);
  if (ticket.force !== undefined) await box.getByLabel("Time in force").selectOption({ label: ticket.force });
  if (ticket.id !== undefined) {
    await box.getByText("Client order id").click();
    await box.getByLabel(/Chosen by the page/).fill(ticket.id);
  }
  await box.locator('button[type="submit"]').click();
}

/** Waits until the check holds, for some 25 seconds. */
export async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`in vain: ${what}`);
}
