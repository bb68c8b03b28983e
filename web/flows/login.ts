// Logging in and out.
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { connected, flow, logIn, panel, shared } from "./harness.ts";
import { password, Server } from "./server.ts";

const server = shared(() => Server.start());

/** GET /api/session and its kind have 401 for an answer; Chromium reports that as an error. */
export const unauthenticated = [/\b401\b/];

flow("login: a wrong password is refused in words, the right one opens the page", async (at) => {
  at.expect(...unauthenticated);
  const page = await at.open(await server());
  await page.getByLabel("Customer").fill("100001");
  await page.getByLabel("Password").fill("not this");
  await page.keyboard.press("Enter");
  const refusal = page.getByRole("alert").filter({ hasText: /\w/ });
  await refusal.waitFor();
  assert.match((await refusal.textContent())!, /password|credential/i);
  assert.equal(await page.getByRole("banner").count(), 0);
  await logIn(page, 100001);
  await page.getByRole("banner").getByText("Trader 1 100001").waitFor();
  await panel(page, "Positions").getByText("600100").waitFor();
});

flow("login: what is not a number is not sent", async (at) => {
  const page = await at.open(await server());
  const posts: string[] = [];
  page.on("request", (request) => request.method() === "POST" && posts.push(request.url()));
  await page.getByLabel("Customer").fill("somebody");
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("is a number").waitFor();
  assert.deepEqual(posts, []);
});

flow("login: the session outlasts a reload; its cookie is out of reach of scripts; logout ends it", async (at) => {
  at.expect(...unauthenticated);
  const page = await at.login(await server(), 100002);
  await page.reload();
  await connected(page);
  assert.equal(await page.evaluate(() => document.cookie), "");
  const cookies = await page.context().cookies();
  assert.equal(cookies.length, 1);
  assert.deepEqual([cookies[0]!.httpOnly, cookies[0]!.sameSite], [true, "Strict"]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByText("You are logged out").waitFor();
  await page.reload();
  await page.getByLabel("Password").waitFor();
  await page.context().addCookies(cookies); // a copy of the old cookie is worth nothing
  await page.reload();
  await page.getByLabel("Password").waitFor();
});

flow("login: a logout in another tab ends the session here, too", async (at) => {
  at.expect(...unauthenticated);
  const page = await at.login(await server(), 100003);
  const other = await page.context().newPage();
  await other.goto((await server()).origin);
  await connected(other);
  await other.getByRole("button", { name: "Log out" }).click();
  await other.getByText("You are logged out").waitFor();
  await page.bringToFront(); // a hidden tab draws nothing
  await logInAgain(page);
  await connected(page);
});

flow("login: a replaced credential ends the session, and the page says why", async (at) => {
  at.expect(...unauthenticated);
  const own = await at.own(Server.start());
  const page = await at.login(own, 100001);
  await own.reload((seed) => {
    seed.customers.find((one) => one.customer === 100001)!["password"] =
      // Of another password, so nobody logs in with it here.
      "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  });
  const dialog = await logInAgain(page);
  await dialog.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
});

/** Types the password into the question for it, which says why it is there. */
async function logInAgain(page: Page) {
  const dialog = page.getByRole("dialog", { name: "Log in again" });
  await dialog.getByText(/continues where it is/).waitFor();
  await dialog.getByLabel(/Password/).fill(password);
  await page.keyboard.press("Enter");
  return dialog;
}
