import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { RequestError, type Client, type Execution, type Order, type Position } from "../src/index.ts";
import { Holdfast, Proxy, insist, operator, password, session, until } from "./server.ts";

const stock = { market: "ALFA", code: "600100" };
const buy = (quantity = 100n) => ({ ...stock, side: "SIDE_BUY", quantity }) as const;
const limits = { timeout: 180_000 };

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-client-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

async function allExecutions(client: Client, customer = 0): Promise<Execution[]> {
  const all: Execution[] = [];
  let beforeExecutionId = 0n;
  do {
    const { body } = await client.request("History", { beforeExecutionId, limit: 1000, customer });
    all.push(...body.executions);
    beforeExecutionId = body.nextBeforeExecutionId;
  } while (beforeExecutionId > 0n);
  return all;
}

async function allOrders(client: Client): Promise<Order[]> {
  const all: Order[] = [];
  let beforeOrderId = 0n;
  do {
    const { body } = await client.request("Orders", { history: true, beforeOrderId });
    all.push(...body.orders);
    beforeOrderId = body.nextBeforeOrderId;
  } while (beforeOrderId > 0n);
  return all;
}

async function allPositions(client: Client): Promise<Position[]> {
  const all: Position[] = [];
  let more = true;
  while (more) {
    const last = all.at(-1);
    const { body } = await client.request("Positions", { after: last && { market: last.market, code: last.code } });
    all.push(...body.positions);
    more = body.more;
  }
  return all;
}

/** What a session without price moves must show to be equal to the server. */
const shares = (positions: Iterable<Position>): string[] =>
  [...positions].map((p) => `${p.code} ${p.quantity} ${p.averageCost} ${p.realisedProfit} ${p.frozen} ${p.sellable}`).sort();

test("login, orders, bust and correction, in two sessions of an account", limits, async (t) => {
  const server = await Holdfast.start(t, "--throwaway");
  const [one, two, boss] = await Promise.all([
    session(t, server.address, 100001),
    session(t, server.address, 100001),
    session(t, server.address, operator),
  ]);
  assert.equal(boss.account.summary?.operator, true);
  assert.deepEqual(one.account.summary, two.account.summary);
  const held = one.account.positions.get("ALFA/600100")?.quantity ?? 0n;
  two.account.watch("all");
  await until(() => two.account.quotes.size > 1);

  const { result, body } = await one.client.placeOrder({ ...buy(), clientOrderId: "first" });
  assert.deepEqual([result, body.status], ["OK", "ORDER_STATUS_FILLED"]);
  await until(() => two.account.executions[0]?.clientOrderId === "first");
  await until(() => two.account.positions.get("ALFA/600100")?.quantity === held + 100n);
  const again = await two.client.placeOrder({ ...buy(), clientOrderId: "first" });
  assert.deepEqual([again.result, again.body.orderId], ["DUPLICATE", body.orderId]);

  const price = two.account.quotes.get("ALFA/600100")!.lastPrice;
  const resting = await one.client.placeOrder({ ...buy(), price: price - 1000n, timeInForce: "TIME_IN_FORCE_GOOD_TILL_CANCELLED" });
  await until(() => two.account.orders.has(resting.body.orderId));
  assert.equal(two.account.summary?.frozenCash, one.account.summary?.frozenCash);
  await two.client.replaceOrder({ orderId: resting.body.orderId, quantity: 200n, newClientOrderId: "replaced" });
  await until(() => one.account.orders.get(resting.body.orderId)?.clientOrderId === "replaced");
  await two.client.cancelOrder({ orderId: resting.body.orderId });
  await until(() => one.account.orders.size === 0);
  await assert.rejects(
    one.client.cancelOrder({ orderId: resting.body.orderId }),
    (err) => err instanceof RequestError && err.reason === "REASON_TOO_LATE" && err.order?.status === "ORDER_STATUS_CANCELLED",
  );
  await assert.rejects(
    one.client.placeOrder(buy(1_000_000_000n)),
    (err) => err instanceof RequestError && err.reason === "REASON_NOT_ENOUGH_CASH" && /needed/.test(err.message),
  );

  const reason = "<script>alert('bust')</script>";
  const executionId = body.executions[0]!.executionId;
  await assert.rejects(one.client.request("Bust", { executionId }), (err) => err instanceof RequestError && err.result === "FORBIDDEN");
  const corrected = await boss.client.request("Correct", { executionId, quantity: 100n, price: price + 100n, reason });
  await until(() => two.account.executions[0]?.corrects === executionId);
  const wrong = two.account.executions.find((x) => x.executionId === executionId);
  assert.deepEqual([wrong?.busted, wrong?.bustReason, wrong?.correctedBy], [true, reason, corrected.body.replacement?.executionId]);
  await boss.client.request("Bust", { executionId: corrected.body.replacement!.executionId, reason });
  await until(() => [one, two].every((s) => s.account.executions[0]?.busted === true));
  assert.equal(one.account.executions[0]?.bustReason, reason);
  await until(() => (one.account.positions.get("ALFA/600100")?.quantity ?? 0n) === held);

  await boss.client.request("Operate", { deposit: { customer: 100001, amount: 5_0000n, text: reason } });
  const cash = boss.account.summary!.cash;
  await until(() => one.account.summary?.deposits === 5_0000n);
  await boss.client.request("Operate", { reset: { customer: 100001 } });
  await until(() => one.account.summary?.deposits === 0n && !one.account.loading);
  assert.equal(boss.account.summary!.cash, cash);
  assert.deepEqual(shares(one.account.positions.values()), shares(await allPositions(one.client)));
  assert.deepEqual(one.account.executions, await allExecutions(one.client));
  for (const s of [one, two]) {
    assert.deepEqual(s.numbers, s.numbers.map((_, i) => BigInt(i + 1)));
  }
});

test("the example of the README does what it says", limits, async (t) => {
  const readme = readFileSync(join(process.env.CLIENT!, "README.md"), "utf8");
  assert.ok(readme.includes(readFileSync(join(process.env.CLIENT!, "example/order.ts"), "utf8")));
  const server = await Holdfast.start(t, "--throwaway");
  const run = (PASSWORD: string) =>
    promisify(execFile)(process.execPath, [process.env.EXAMPLE!], { env: { ...process.env, ADDRESS: server.address, PASSWORD } });
  const { stdout } = await run(password);
  assert.match(stdout, /: cash \d+, \d+ positions\nOK: order \d+, 100 shares executed\nthe account has execution \d+, cash \d+\n$/);
  await assert.rejects(run(""), { stderr: "Error: set PASSWORD\n", code: 1 });
});

test("a wrong password closes the client", limits, async (t) => {
  const server = await Holdfast.start(t, "--throwaway");
  const { client } = await session(t, server.address, 100001, { credential: async () => ({ customer: 100001, password: "wrong" }) });
  assert.ok(client.state.name === "closed" && client.state.reason.result === "UNAUTHENTICATED");
});

test("a server that stops says so, and the client waits for the next one", limits, async (t) => {
  const server = await Holdfast.start(t, "--data", folder(t));
  const s = await session(t, server.address, 100001);
  const notices: string[] = [];
  s.client.on("notice", ({ code }) => notices.push(code));
  await s.client.placeOrder(buy());
  await until(() => s.numbers.length === 2);
  await server.kill("SIGTERM");
  await until(() => s.client.state.name !== "open");
  assert.deepEqual(notices, ["NOTICE_CODE_SHUTTING_DOWN"]);
  await server.start();
  await until(() => s.client.state.name === "open");
  await s.client.placeOrder(buy());
  await until(() => s.numbers.length === 4);
  assert.deepEqual([s.numbers, s.snapshots], [[1n, 2n, 3n, 4n], ["SNAPSHOT_REASON_UNSPECIFIED"]]);
});

test("a connection that breaks in the middle of an order: the order is executed once", limits, async (t) => {
  const server = await Holdfast.start(t, "--throwaway");
  const proxy = await Proxy.start(t, server.port);
  const s = await session(t, proxy.address, 100001);

  const first = await s.client.placeOrder(buy());
  await until(() => s.numbers.length === 2); // before the first push, a login has nothing to resume

  proxy.cutReply = true; // the server has executed it
  const lost = await s.client.placeOrder(buy());
  assert.deepEqual([lost.result, proxy.cuts], ["DUPLICATE", 1]);

  proxy.cutRequest = true; // the server has never seen it
  const unsent = await s.client.placeOrder(buy());
  assert.deepEqual([unsent.result, proxy.cuts], ["OK", 2]);

  proxy.cutReply = true;
  await assert.rejects(s.client.request("Positions"), { name: "ConnectionLost" });

  await until(() => s.numbers.length === 6 && s.client.state.name === "open");
  const executions = await allExecutions(s.client);
  assert.deepEqual(executions.map((x) => x.orderId), [unsent.body.orderId, lost.body.orderId, first.body.orderId]);
  assert.deepEqual(s.account.executions, executions);
  assert.deepEqual([s.numbers, s.snapshots.length, s.reconnects], [[1n, 2n, 3n, 4n, 5n, 6n], 1, 3]);
});

test("a busy day: cut many times, server killed twice, nothing missing and nothing twice", limits, async (t) => {
  const server = await Holdfast.start(t, "--data", folder(t), "--price-moves", "50/s");
  const proxy = await Proxy.start(t, server.port);
  const options = { account: { maxExecutions: 1000 } };
  const [a, b, boss] = await Promise.all([
    session(t, proxy.address, 100001, options),
    session(t, server.address, 100001, options),
    session(t, server.address, operator),
  ]);
  const ids = ["first"];
  await a.client.placeOrder({ ...buy(), clientOrderId: "first" }); // before the first push, a login has nothing to resume
  await until(() => a.numbers.length === 2 && b.numbers.length === 2);
  let trading = true;
  let cuts = 0;
  const cutter = (async () => {
    while (trading) {
      const { body } = await insist(boss.client, "Operate", { disconnect: { customer: 100001 } });
      cuts += body.count;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
  })();
  const killer = (async () => {
    for (let i = 0; i < 2; i++) {
      const passed = a.numbers.length + 40;
      await until(() => a.numbers.length >= passed);
      await server.kill("SIGKILL");
      await server.start();
    }
  })();

  let duplicates = 0;
  const trade = async (client: Client, name: string): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      const clientOrderId = `${name}-${i}`;
      ids.push(clientOrderId);
      const working = i % 4 === 3;
      const order = working
        ? { ...buy(), price: 1_0000n, timeInForce: "TIME_IN_FORCE_GOOD_TILL_CANCELLED" as const }
        : { ...buy(), side: i % 4 === 2 ? ("SIDE_SELL" as const) : ("SIDE_BUY" as const) };
      if (name === "a" && i % 10 === 5) {
        proxy.cutReply = true;
      }
      const { result, body } = await insist(client, "PlaceOrder", { ...order, clientOrderId });
      duplicates += result === "DUPLICATE" ? 1 : 0;
      if (working && i % 8 === 7) {
        await insist(client, "CancelOrder", { orderId: body.orderId }).catch((err: unknown) => {
          assert.ok(err instanceof RequestError && err.reason === "REASON_TOO_LATE", String(err)); // it was cancelled the first time
        });
      }
    }
  };
  await Promise.all([trade(a.client, "a"), trade(a.client, "c"), trade(b.client, "b")]);
  await killer;
  trading = false;
  await cutter;

  const { body } = await insist(boss.client, "Positions", { customer: 100001 });
  for (const s of [a, b]) {
    await until(() => s.client.sequence >= body.pushSequence && s.client.state.name === "open" && !s.account.loading);
    // Each push came once, in order, without a snapshot in between.
    assert.deepEqual(s.numbers, s.numbers.map((_, i) => BigInt(i + 1)));
    assert.equal(BigInt(s.numbers.length), body.pushSequence);
    assert.deepEqual(s.snapshots, ["SNAPSHOT_REASON_UNSPECIFIED"]);
    // What is shown is what the server has.
    assert.deepEqual(s.account.executions, await allExecutions(s.client));
    assert.deepEqual(shares(s.account.positions.values()), shares(await allPositions(s.client)));
    const orders = await allOrders(s.client);
    assert.deepEqual(orders.map((o) => o.clientOrderId).sort(), [...ids].sort());
    const working = orders.filter((o) => o.status === "ORDER_STATUS_NEW").map((o) => o.orderId);
    assert.deepEqual([...s.account.orders.keys()].sort(), working.sort());
    const { body: own } = await s.client.request("Positions", { limit: 1 });
    assert.deepEqual(
      [s.account.summary!.cash, s.account.summary!.frozenCash],
      [own.account!.cash, own.account!.frozenCash],
    );
  }
  t.diagnostic(`${cuts} connections cut by the operator, ${proxy.cuts} in the middle of an order, ${a.reconnects} and ${b.reconnects} reconnects, 2 kills, ${ids.length} orders, ${duplicates} answered DUPLICATE, ${a.numbers.length} pushes`);
  assert.ok(a.reconnects > 10 && b.reconnects > 10 && proxy.cuts > 0 && duplicates > 0);
});

test("4,096 positions and 4,096 working orders", limits, async (t) => {
  const seed = join(folder(t), "seed.json");
  execFileSync(process.env.HOLDFAST ?? "holdfast", ["seed", "--customers", "2", "--instruments", "4096", "--password", "holdfast-demo", "--out", seed], { stdio: "ignore" });
  const server = await Holdfast.start(t, "--throwaway", "--seed-file", seed);
  const s = await session(t, server.address, 100001, { maxInFlight: 200 });
  const boss = await session(t, server.address, operator);
  await boss.client.request("Operate", { deposit: { customer: 100001, amount: 1_000_000_000_0000n } });
  s.account.watch("all");
  await until(() => s.account.quotes.size === 4096);
  const each = async (count: number, place: (i: number) => Promise<unknown>): Promise<void> => {
    let next = 0;
    await Promise.all(Array.from({ length: 150 }, async () => {
      while (next < count) {
        await place(next++);
      }
    }));
  };
  const all = [...s.account.quotes.values()];
  await each(4096, (i) => {
    const { market, code, minimumLot, lotSize } = all[i]!;
    return s.client.placeOrder({ market, code, side: "SIDE_BUY", quantity: minimumLot || lotSize });
  });
  await each(4096, () => s.client.placeOrder({ ...stock, side: "SIDE_BUY", quantity: 100n, price: 1_0000n, timeInForce: "TIME_IN_FORCE_GOOD_TILL_CANCELLED" }));
  const fresh = await session(t, server.address, 100001);
  assert.deepEqual([fresh.account.positions.size, fresh.account.orders.size], [4096, 4096]);
  assert.deepEqual([s.account.positions.size, s.account.orders.size], [4096, 4096]);
  assert.deepEqual(shares(fresh.account.positions.values()), shares(s.account.positions.values()));
  assert.equal(fresh.snapshots.length, 1);
});
