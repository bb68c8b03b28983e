import assert from "node:assert/strict";
import { test } from "node:test";
import { Account, type AccountOptions } from "../src/index.ts";
import { Fixture, settle } from "./fake.ts";

const script = "<script>alert(1)</script>";
const position = (code: string, quantity: number, price = 10, frozen = 0) => ({
  market: "ALFA",
  code,
  quantity: String(quantity),
  lastPrice: String(price),
  averageCost: "8",
  marketValue: String(quantity * price),
  unrealisedProfit: String(quantity * (price - 8)),
  frozen: String(frozen),
  sellable: String(quantity - frozen),
});
const execution = (id: number, more: object = {}) => ({ executionId: String(id), market: "ALFA", code: "A", quantity: "1", price: "10", ...more });
const order = (id: number, status = "NEW") => ({ orderId: String(id), status: `ORDER_STATUS_${status}`, market: "ALFA", code: "A" });

class Shown extends Fixture {
  readonly account: Account;

  constructor(options: AccountOptions = {}) {
    super();
    this.account = new Account(this.client, { timers: this.timers, ...options });
  }

  async reply2(command: string, body: object, result?: string): Promise<void> {
    this.socket.reply(command, body, result);
    await settle();
  }

  /** Logs in to an account that has little. */
  async shown(): Promise<this> {
    this.client.connect();
    await settle();
    this.login({
      account: { name: script, cash: "1000", marketValue: "1500", freeCash: "1000" },
      positions: [position("A", 100), position("B", 50)],
      pushSequence: "5",
    });
    await settle();
    await this.reply2("Orders", { orders: [order(1)], pushSequence: "5" });
    await this.reply2("History", { executions: [execution(2), execution(1, { busted: true, bustReason: script })] });
    return this;
  }

  get codes(): string[] {
    return [...this.account.positions.values()].map((p) => `${p.code}:${p.quantity}`).sort();
  }

  get ids(): string[] {
    return this.account.executions.map((x) => `${x.executionId}${x.busted ? " busted" : ""}`);
  }
}

test("a snapshot, the working orders and the executions are shown", async () => {
  const f = await new Shown().shown();
  assert.deepEqual(f.codes, ["A:100", "B:50"]);
  assert.deepEqual([...f.account.orders.keys()], [1n]);
  assert.deepEqual(f.ids, ["2", "1 busted"]);
  assert.equal(f.account.summary?.name, script);
  assert.equal(f.account.executions[1]?.bustReason, script);
  assert.equal(f.account.loading, false);
});

test("an execution changes positions, cash and orders, and each message is one change", async () => {
  const f = await new Shown().shown();
  let changes = 0;
  f.account.on("change", () => changes++);
  const version = f.account.version;
  f.socket.push("Execution", 6, execution(3));
  f.socket.push("PositionUpdate", 7, { position: position("C", 10), marketValue: "1600", cash: "900", frozenCash: "100", unsettledCash: "50" });
  f.socket.push("OrderUpdate", 8, { order: order(1, "FILLED"), cash: "900", frozenCash: "0" });
  f.socket.push("PositionUpdate", 9, { position: position("B", 0), cash: "950" });
  assert.deepEqual(f.codes, ["A:100", "C:10"]);
  assert.deepEqual(f.ids, ["3", "2", "1 busted"]);
  assert.equal(f.account.orders.size, 0);
  assert.equal(f.account.summary?.cash, 950n);
  assert.equal(f.account.summary?.freeCash, 950n);
  assert.equal(changes, 4);
  assert.equal(f.account.version, version + 4);
});

test("a busted execution stays, struck; a correction shows both", async () => {
  const f = await new Shown().shown();
  const list = f.account.executions;
  f.socket.push("ExecutionBusted", 6, { executionId: "2", reason: script, position: position("A", 0), correctedBy: "3" });
  f.socket.push("Execution", 7, execution(3, { corrects: "2", price: "9" }));
  f.socket.push("PositionUpdate", 8, { position: position("A", 1, 9) });
  assert.deepEqual(f.ids, ["3", "2 busted", "1 busted"]);
  assert.equal(f.account.executions[1]?.bustReason, script);
  assert.equal(f.account.executions[1]?.correctedBy, 3n);
  assert.equal(f.account.executions[0]?.corrects, 2n);
  assert.equal(list[0]?.busted, false); // rows are replaced, not changed
  assert.deepEqual(f.codes, ["A:1", "B:50"]);
});

test("a bust that comes while the history is fetched is not lost", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ pushSequence: "5" });
  await settle();
  await f.reply2("Orders", { pushSequence: "5" });
  f.socket.push("ExecutionBusted", 6, { executionId: "2", reason: "late" });
  await f.reply2("History", { executions: [execution(2), execution(1)] });
  assert.deepEqual(f.ids, ["2 busted", "1"]);
  assert.equal(f.account.executions[0]?.bustReason, "late");
});

test("pages and pushes meet: the newer one is shown", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ positions: [position("A", 100), position("B", 50)], morePositions: true, pushSequence: "5" });
  await settle();
  assert.deepEqual(f.socket.last("Positions").body, { after: { market: "ALFA", code: "B" } });
  f.socket.push("PositionUpdate", 6, { position: position("A", 0) }); // closed after its page
  f.socket.push("PositionUpdate", 7, { position: position("C", 7) }); // before its page
  f.socket.push("PositionUpdate", 8, { position: position("E", 0) }); // closed, and the page has it from before
  await f.reply2("Positions", { positions: [position("C", 9), position("D", 4)], pushSequence: "9", more: true, account: { cash: "77" } });
  f.socket.push("PositionUpdate", 9, { position: position("C", 8), cash: "5" }); // the page has it
  await f.reply2("Positions", { positions: [position("F", 1)], pushSequence: "9" });
  assert.deepEqual(f.codes, ["B:50", "C:9", "D:4", "F:1"]);
  assert.equal(f.account.summary?.cash, 77n);
  await f.reply2("Orders", { orders: [order(1), order(2)], more: true, pushSequence: "9" });
  assert.deepEqual(f.socket.last("Orders").body, { afterOrderId: "2" });
  f.socket.push("OrderUpdate", 10, { order: order(1, "CANCELLED") });
  f.socket.push("OrderUpdate", 11, { order: order(4) });
  await f.reply2("Orders", { orders: [order(3), order(4)], pushSequence: "11" });
  assert.deepEqual([...f.account.orders.keys()].sort(), [2n, 3n, 4n]);
});

test("a row of a page that a later push has removed does not come back", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ morePositions: true, positions: [position("A", 1)], pushSequence: "5" });
  await settle();
  // Both messages come before the promise of the first one continues.
  f.socket.reply("Positions", { positions: [position("B", 1)], pushSequence: "5" });
  f.socket.push("PositionUpdate", 6, { position: position("B", 0) });
  await settle();
  assert.deepEqual(f.codes, ["A:1"]);
});

test("after a resume only the positions are fetched, and executions stay", async () => {
  const f = await new Shown().shown();
  f.socket.cut();
  await f.resume();
  f.socket.push("Execution", 6, execution(3));
  f.socket.reply("Heartbeat");
  await settle();
  await f.reply2("Positions", { positions: [position("A", 100, 12)], pushSequence: "6" });
  assert.deepEqual(f.codes, ["A:100"]);
  assert.deepEqual(f.ids, ["3", "2", "1 busted"]);
  assert.ok(!f.socket.sent.some((m) => ["Orders", "History"].includes(m.command)));
  assert.equal(f.account.loading, false);
});

test("what a lost connection has left incomplete is fetched after the resume", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ positions: [position("A", 1)], pushSequence: "5" });
  await settle();
  f.socket.cut();
  await f.resume();
  f.socket.reply("Heartbeat");
  await settle();
  assert.equal(f.account.loading, true);
  await f.reply2("Positions", { positions: [position("B", 1)], pushSequence: "5" });
  await f.reply2("Orders", { orders: [order(1)], pushSequence: "5" });
  await f.reply2("History", { executions: [execution(1)] });
  assert.deepEqual([f.codes, f.ids, f.account.orders.size, f.account.loading], [["B:1"], ["1"], 1, false]);
});

test("another snapshot replaces everything", async () => {
  const f = await new Shown().shown();
  f.socket.cut();
  await f.reconnect();
  f.login({ positions: [position("Z", 1)], pushSequence: "1", snapshotReason: "SNAPSHOT_REASON_HISTORY_RESET", historyId: "bmV3" });
  assert.deepEqual([f.codes, f.ids, f.account.orders.size], [["Z:1"], [], 0]);
});

test("after a reset of the account, positions and orders are fetched again", async () => {
  const f = await new Shown().shown();
  f.socket.push("ExecutionBusted", 6, { executionId: "2", reason: "late" });
  f.socket.push("AccountUpdate", 7, { change: "ACCOUNT_CHANGE_RESET", account: { cash: "5000" } });
  await settle();
  assert.deepEqual([f.codes, f.account.orders.size, f.account.summary?.cash], [[], 0, 5000n]);
  await f.reply2("Positions", { positions: [position("A", 7)], pushSequence: "7", account: { cash: "5000" } });
  await f.reply2("Orders", { pushSequence: "7" });
  await f.reply2("History", { executions: [execution(2)] }); // which does not have the bust yet
  assert.deepEqual([f.codes, f.ids, f.account.loading], [["A:7"], ["2 busted", "1 busted"], false]);
});

test("a new price changes value and profit, not shares", async () => {
  const f = await new Shown().shown();
  f.socket.push("PositionUpdate", 0, { position: position("A", 100, 12, 60), marketValue: "1700" });
  assert.deepEqual(f.account.positions.get("ALFA/A"), { ...f.account.positions.get("ALFA/A"), marketValue: 1200n, frozen: 0n, unrealisedProfit: 400n });
  assert.equal(f.account.summary?.marketValue, 1700n);
  f.socket.push("PositionUpdate", 0, { position: position("A", 99, 50), marketValue: "9" }); // from another moment
  assert.equal(f.account.summary?.marketValue, 1700n);
  f.socket.push("Quote", 0, { market: "ALFA", code: "A", lastPrice: "11" });
  assert.equal(f.account.positions.get("ALFA/A")?.unrealisedProfit, 300n);
  assert.equal(f.account.summary?.marketValue, 1600n);
});

test("watched quotes come in pages, and again after a reconnect", async () => {
  const f = await new Shown().shown();
  f.account.watch("all");
  assert.deepEqual(f.socket.last("Quotes").body, { instruments: [], subscribe: true });
  await f.reply2("Quotes", { instruments: [{ market: "ALFA", code: "A", lastPrice: "10", name: script }], more: true });
  assert.deepEqual(f.socket.last("Quotes").body, { instruments: [], subscribe: true, after: { market: "ALFA", code: "A" } });
  await f.reply2("Quotes", { instruments: [{ market: "ALFA", code: "B", lastPrice: "20" }] });
  f.socket.push("Quote", 0, { market: "ALFA", code: "B", lastPrice: "21" });
  assert.deepEqual([...f.account.quotes.values()].map((q) => q.lastPrice), [10n, 21n]);
  assert.equal(f.account.quotes.get("ALFA/A")?.name, script);
  f.socket.cut();
  await f.resume();
  f.socket.reply("Heartbeat");
  await settle();
  assert.equal(f.socket.last("Quotes").body.subscribe, true);
  await f.reply2("Quotes", { instruments: [{ market: "ALFA", code: "A", lastPrice: "12" }] });
  f.account.watch([]);
  await settle();
  assert.deepEqual(f.socket.last("Quotes").body, { limit: 1 });
  assert.equal(f.account.quotes.size, 0);
});

test("10,000 working orders", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ pushSequence: "5" });
  await settle();
  for (let page = 0; page < 10; page++) {
    const orders = Array.from({ length: 1000 }, (_, i) => order(page * 1000 + i + 1));
    await f.reply2("Orders", { orders, more: page < 9, pushSequence: "5" });
  }
  await f.reply2("History", {});
  assert.deepEqual([f.account.orders.size, f.account.loading], [10_000, false]);
  f.socket.push("OrderUpdate", 6, { order: order(5000, "CANCELLED") });
  assert.equal(f.account.orders.size, 9999);
});

test("the executions are limited, and the newest stay", async () => {
  const f = await new Shown({ maxExecutions: 3 }).shown();
  for (let i = 0; i < 5; i++) {
    f.socket.push("Execution", 6 + i, execution(3 + i));
  }
  f.socket.push("ExecutionBusted", 11, { executionId: "1", reason: "no longer shown" });
  assert.deepEqual(f.ids, ["7", "6", "5"]);
});

test("short pages of the history go on until there are enough", async () => {
  const f = new Shown({ maxExecutions: 3 });
  f.client.connect();
  await settle();
  f.login({ pushSequence: "5" });
  await settle();
  await f.reply2("Orders", { pushSequence: "5" });
  await f.reply2("History", { more: true, nextBeforeExecutionId: "9" });
  await f.reply2("History", { executions: [execution(8), execution(7)], more: true, nextBeforeExecutionId: "7" });
  assert.deepEqual(f.socket.last("History").body, { beforeExecutionId: "7", limit: 1 });
  await f.reply2("History", { executions: [execution(3)], more: true, nextBeforeExecutionId: "3" });
  assert.deepEqual([f.ids, f.account.loading], [["8", "7", "3"], false]);
});

test("totals that no push has are fetched once, a second after the first push", async () => {
  const f = await new Shown().shown();
  f.socket.push("Execution", 6, execution(3));
  f.socket.push("Execution", 7, execution(4));
  await f.timers.advance(1000);
  assert.deepEqual(f.socket.sent.filter((m) => m.command === "Positions").map((m) => m.body), [{ limit: 1 }]);
  await f.reply2("Positions", { positions: [position("A", 1)], account: { realisedProfit: "42", fees: "3" }, pushSequence: "7" });
  assert.deepEqual([f.account.summary?.realisedProfit, f.account.summary?.fees, f.codes], [42n, 3n, ["A:100", "B:50"]]);
});

test("what fails is tried again, what an older server lacks is not", async () => {
  const f = new Shown();
  f.client.connect();
  await settle();
  f.login({ pushSequence: "5" });
  await settle();
  await f.reply2("Orders", { pushSequence: "5" });
  await f.reply2("History", { message: "catching up" }, "UNAVAILABLE");
  assert.deepEqual([f.account.error?.message, f.account.loading], ["catching up", true]);
  await f.timers.advance(2000);
  assert.equal(f.account.error, undefined);
  await f.reply2("Positions", { pushSequence: "5" });
  await f.reply2("Orders", {}, "UNKNOWN_COMMAND");
  assert.match(f.account.error!.message, /does not have the command Orders/);
  const sent = f.socket.sent.length;
  await f.timers.advance(2000);
  assert.equal(f.socket.sent.length, sent);
});

test("stop and close leave no timer and no listener", async () => {
  const f = await new Shown().shown();
  f.socket.push("Execution", 6, execution(3));
  f.account.stop();
  const { version } = f.account;
  f.socket.push("Execution", 7, execution(4));
  assert.equal(f.account.version, version);
  f.client.close();
  assert.equal(f.timers.size, 0);
});
