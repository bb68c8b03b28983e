import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionLost, NoCredential, RequestError, RequestTimeout, TooManyRequests, type End } from "../src/index.ts";
import { Fixture, history, settle } from "./fake.ts";

const order = { side: "SIDE_BUY", market: "ALFA", code: "600100", quantity: 100n } as const;

/** What becomes of a promise, once it has settled. */
function outcome(promise: Promise<unknown>): { value?: any; error?: any } {
  const found: { value?: any; error?: any } = {};
  promise.then(
    (value) => (found.value = value),
    (error) => (found.error = error),
  );
  return found;
}

/** Why the client waits, or is closed. */
function reasonOf(f: Fixture): End {
  const { state } = f.client;
  assert.ok("reason" in state, state.name);
  return state.reason;
}

test("the login asks for a snapshot, and pushes follow in order", async () => {
  const f = await new Fixture().start(5);
  assert.deepEqual(f.socket.last("Login").body, { customer: 100001, password: "secret", resumeFrom: "0", historyId: "" });
  f.socket.push("Execution", 6, { executionId: "429501024567297", quantity: "200", futureField: [1] });
  f.socket.push("Quote", 0, { code: "600100", lastPrice: "9007199254740993" });
  assert.deepEqual(f.events, ["connecting", "open resumed=false", "snapshot SNAPSHOT_REASON_UNSPECIFIED", "Execution 6", "Quote 0"]);
  assert.equal(f.client.sequence, 6n);
  assert.equal(f.client.historyId, history);
  assert.equal(f.client.serverVersion, "v9");
});

test("64-bit integers are exact, and names of a newer server are ignored", async () => {
  const f = await new Fixture().start();
  const bodies: any[] = [];
  f.client.on("push", (p) => bodies.push(p.body));
  f.socket.push("OrderUpdate", "6", { order: { orderId: "18446744073709551615", price: "-9223372036854775808", cause: "ORDER_CAUSE_OF_TOMORROW", side: 7 } });
  assert.equal(bodies[0].order.orderId, 18446744073709551615n);
  assert.equal(bodies[0].order.price, -9223372036854775808n);
  assert.equal(bodies[0].order.cause, "ORDER_CAUSE_UNSPECIFIED");
  assert.equal(bodies[0].order.side, "SIDE_UNSPECIFIED");
  assert.equal(bodies[0].position, undefined);
  assert.equal(bodies[0].cash, 0n);
});

test("a push that the client does not know counts", async () => {
  const f = await new Fixture().start(5);
  f.socket.push("PushOfTomorrow", 6, { a: 1 });
  f.socket.push("constructor", 0);
  f.socket.push("Execution", 7);
  assert.deepEqual(f.events.slice(3), ["Execution 7"]);
});

for (const [name, id] of [["gap", 8], ["step back", 5], ["repeated push", 6]] as const) {
  test(`a ${name} in the sequence ends the connection, and the client resumes`, async () => {
    const f = await new Fixture().start(5);
    f.socket.push("Execution", 6);
    f.socket.push("Execution", id);
    const state = f.client.state;
    assert.ok(state.name === "waiting" && state.reason.kind === "protocol");
    assert.ok(f.socket.closed);
    await f.resume();
    assert.equal(f.socket.last("Login").body.resumeFrom, "6");
    assert.equal(f.socket.last("Login").body.historyId, history);
    f.socket.push("Execution", 7);
    assert.deepEqual(f.events.filter((e) => e.startsWith("Execution")), ["Execution 6", "Execution 7"]);
  });
}

test("a second protocol error at the same push asks for a snapshot", async () => {
  const f = await new Fixture().start(5);
  f.socket.push("Execution", 7);
  await f.resume();
  f.socket.push("Execution", 6, { executionId: "not a number" });
  await f.reconnect();
  f.socket.onopen?.({});
  assert.equal(f.socket.last("Login").body.resumeFrom, "0");
});

test("resumed says how many pushes were missed", async () => {
  const f = await new Fixture().start(5);
  f.socket.cut();
  await f.resume();
  f.socket.push("Execution", 6);
  f.socket.push("PositionUpdate", 7);
  f.socket.reply("Heartbeat");
  await settle();
  assert.deepEqual(f.events.slice(-4), ["open resumed=true", "Execution 6", "PositionUpdate 7", "resumed missed=2"]);
});

test("a snapshot in place of a resume says why", async () => {
  const f = await new Fixture().start(5);
  f.socket.cut();
  await f.reconnect();
  f.login({ pushSequence: "90", snapshotReason: "SNAPSHOT_REASON_TOO_OLD" });
  assert.equal(f.events.at(-1), "snapshot SNAPSHOT_REASON_TOO_OLD");
  f.socket.push("Execution", 91);
  assert.equal(f.client.sequence, 91n);
});

test("another customer does not resume from the pushes of the first", async () => {
  const who = [100001, 100002];
  const f = await new Fixture({ credential: async () => ({ customer: who.shift()!, token: "dG9rZW4=" }) }).start(5);
  f.socket.cut();
  await f.reconnect();
  f.socket.onopen?.({});
  assert.deepEqual(f.socket.last("Login").body, { customer: 100002, token: "dG9rZW4=", resumeFrom: "0", historyId: "" });
});

test("addresses take turns, and delays grow with jitter up to a limit", async () => {
  const delays: number[] = [];
  const f = new Fixture({ firstDelay: 100, maxDelay: 1000, random: () => 0.5 });
  f.client.on("state", (s) => s.name === "waiting" && delays.push(s.delay));
  f.client.connect();
  await settle();
  for (let i = 0; i < 11; i++) {
    f.socket.cut();
    await f.timers.advance(1000);
  }
  assert.deepEqual(delays, [100, 100, 200, 200, 400, 400, 800, 800, 1000, 1000, 1000].map((d) => d * 0.75));
  assert.deepEqual(f.sockets.slice(0, 3).map((s) => s.address), ["ws://one/ws", "ws://two/ws", "ws://one/ws"]);
});

test("replies are matched by id, refusals reject with words", async () => {
  const f = await new Fixture().start();
  const first = outcome(f.client.cancelOrder({ orderId: 7n }));
  const second = outcome(f.client.request("Positions", { limit: 3 }));
  const third = outcome(f.client.request("Operate", { clock: {} }));
  f.socket.reply("Operate", { message: "this server has no command 0x10" }, "UNKNOWN_COMMAND");
  f.socket.reply("Positions", { account: { cash: "12" }, pushSequence: "5" });
  f.socket.reply("CancelOrder", { reason: "REASON_TOO_LATE", message: "too late: <b>filled</b>", order: { orderId: "7" } }, "REJECTED");
  await settle();
  assert.ok(first.error instanceof RequestError);
  assert.equal(first.error.reason, "REASON_TOO_LATE");
  assert.equal(first.error.message, "too late: <b>filled</b>");
  assert.equal(first.error.order?.orderId, 7n);
  assert.equal(second.value.body.account.cash, 12n);
  assert.match(third.error.message, /does not have the command Operate.*older.*v9/);
});

test("a result of a newer server is a failure", async () => {
  const f = await new Fixture().start();
  const got = outcome(f.client.request("Positions"));
  f.socket.reply("Positions", { message: "tomorrow" }, "NOT_TODAY");
  await settle();
  assert.equal(got.error.result, "FAILED");
  assert.equal(got.error.message, "tomorrow");
});

test("an order is sent again after a reconnect, with the same id and history; others are lost", async () => {
  const f = await new Fixture().start();
  const placed = outcome(f.client.placeOrder(order));
  const replaced = outcome(f.client.replaceOrder({ orderId: 3n, newClientOrderId: "r-1", price: 5n }));
  const unnamed = outcome(f.client.replaceOrder({ orderId: 3n, price: 5n }));
  const bust = outcome(f.client.request("Bust", { executionId: 9n }));
  const sent = f.socket.last("PlaceOrder");
  assert.match(sent.body.clientOrderId, /^[0-9a-f]{32}$/);
  assert.equal(sent.body.historyId, history);
  f.socket.cut();
  await settle();
  assert.ok(unnamed.error instanceof ConnectionLost && bust.error instanceof ConnectionLost);
  await f.reconnect();
  f.login({ pushSequence: "0", historyId: "YW5vdGhlciBoaXN0b3J5IQ==", snapshotReason: "SNAPSHOT_REASON_HISTORY_RESET" });
  assert.deepEqual(f.socket.sent.filter((m) => m.command.endsWith("Order")).map((m) => m.command), ["PlaceOrder", "ReplaceOrder"]);
  assert.deepEqual(f.socket.last("PlaceOrder"), sent);
  f.socket.reply("PlaceOrder", { orderId: "8" }, "DUPLICATE");
  f.socket.reply("ReplaceOrder", { reason: "REASON_HISTORY_RESET", message: "reset" }, "REJECTED");
  await settle();
  assert.equal(placed.value.result, "DUPLICATE");
  assert.equal(placed.value.body.orderId, 8n);
  assert.equal(replaced.error.reason, "REASON_HISTORY_RESET");
});

test("an order whose time is over is not sent again", async () => {
  const f = await new Fixture({ requestTimeout: 1000, firstDelay: 2000 }).start();
  const got = outcome(f.client.placeOrder(order));
  f.socket.cut();
  await f.timers.advance(1500);
  assert.ok(got.error instanceof RequestTimeout);
  await f.reconnect();
  f.login();
  assert.ok(!f.socket.sent.some((m) => m.command === "PlaceOrder"));
});

test("a reply after the timeout is ignored", async () => {
  const f = await new Fixture({ requestTimeout: 1000 }).start();
  const got = outcome(f.client.request("Positions"));
  await f.timers.advance(1000);
  assert.ok(got.error instanceof RequestTimeout);
  f.socket.reply("Positions", {});
  assert.equal(f.client.state.name, "open");
});

test("requests without a reply are limited, in number and in bytes", async () => {
  const f = await new Fixture({ maxInFlight: 2 }).start();
  void outcome(f.client.request("Heartbeat"));
  void outcome(f.client.request("Heartbeat"));
  await assert.rejects(f.client.request("Heartbeat"), TooManyRequests);
  f.socket.reply("Heartbeat");
  void outcome(f.client.request("Heartbeat"));
  assert.equal(f.socket.sent.filter((m) => m.command === "Heartbeat").length, 3);
  const g = await new Fixture().start();
  void outcome(g.client.request("Submit", "A".repeat(600_000)));
  await assert.rejects(g.client.request("Submit", "A".repeat(600_000)), TooManyRequests);
  await assert.rejects(g.client.request("Submit", "A".repeat(1 << 20)), RangeError);
});

test("a request that does not fit its message is not sent", async () => {
  const f = await new Fixture().start();
  const wrong = [
    f.client.placeOrder({ ...order, quantity: 100 as any }),
    f.client.placeOrder({ ...order, side: "BUY" as any }),
    f.client.placeOrder({ ...order, colour: "red" } as any),
    f.client.request("Login" as any),
  ];
  for (const w of wrong) {
    await assert.rejects(w, TypeError);
  }
  assert.equal(f.socket.sent.length, 2);
});

test("without a connection a request fails at once", async () => {
  const f = new Fixture();
  await assert.rejects(f.client.placeOrder(order), ConnectionLost);
  f.client.connect();
  await assert.rejects(f.client.placeOrder(order), ConnectionLost);
});

for (const code of ["NOTICE_CODE_SHUTTING_DOWN", "NOTICE_CODE_SLOW_CONSUMER", "NOTICE_CODE_OF_TOMORROW"]) {
  test(`after the notice ${code} the client reconnects`, async () => {
    const f = await new Fixture().start();
    const notices: string[] = [];
    f.client.on("notice", (n) => notices.push(n.text));
    f.socket.push("Notice", 0, { code, text: "bye" });
    assert.deepEqual(notices, ["bye"]);
    assert.ok(f.client.state.name === "waiting" && f.client.state.reason.text === "bye");
    await f.resume();
    assert.equal(f.client.state.name, "open");
  });
}

test("after REVOKED the client stays closed, and orders fail", async () => {
  const f = await new Fixture().start();
  const got = outcome(f.client.placeOrder(order));
  f.socket.push("Notice", 0, { code: "NOTICE_CODE_REVOKED", text: "replaced" });
  await f.timers.advance(100_000);
  assert.ok(f.client.state.name === "closed" && f.client.state.reason.notice === "NOTICE_CODE_REVOKED");
  assert.ok(got.error instanceof ConnectionLost);
  assert.equal(f.sockets.length, 1);
  assert.equal(f.timers.size, 0);
});

for (const [result, state] of [["UNAUTHENTICATED", "closed"], ["FORBIDDEN", "closed"], ["OVERLOADED", "waiting"], ["UNAVAILABLE", "waiting"]] as const) {
  test(`a login that is ${result} leaves the client ${state}`, async () => {
    const f = new Fixture();
    f.client.connect();
    await settle();
    f.socket.onopen?.({});
    f.socket.reply("Login", { message: "no" }, result);
    assert.equal(f.client.state.name, state);
    assert.deepEqual("reason" in f.client.state && f.client.state.reason, { kind: "refused", text: "no", result });
  });
}

test("a credential that fails is asked for again, unless there is none any more", async () => {
  const errors: Error[] = [new Error("offline"), new NoCredential("the session has expired")];
  const f = new Fixture({ credential: () => Promise.reject(errors.shift()) });
  f.client.connect();
  await settle();
  assert.equal(reasonOf(f).text, "offline");
  await f.timers.advance(200);
  assert.equal(f.client.state.name, "closed");
  assert.equal(reasonOf(f).text, "the session has expired");
  assert.equal(f.timers.size, 0);
});

test("a connection that does not open, and a login without a reply, are given up", async () => {
  const f = new Fixture({ connectTimeout: 1000, loginTimeout: 3000 });
  f.client.connect();
  await f.timers.advance(1000);
  assert.equal(f.client.state.name, "waiting");
  assert.ok(f.sockets[0]!.closed);
  await f.timers.advance(200);
  f.socket.onopen?.({});
  await f.timers.advance(3000);
  assert.ok(f.client.state.name === "waiting" && /login/.test(f.client.state.reason.text));
});

test("a silent server gets a heartbeat, and then the connection ends", async () => {
  const f = await new Fixture().start();
  f.socket.push("HeartbeatPush", 0, undefined);
  await f.timers.advance(30_000);
  assert.ok(!f.socket.sent.some((m) => m.command === "Heartbeat"));
  await f.timers.advance(30_000);
  f.socket.reply("Heartbeat");
  await f.timers.advance(10_000 + 30_000 + 9_999);
  assert.equal(f.client.state.name, "open");
  await f.timers.advance(1);
  assert.equal(reasonOf(f).text, "the server is silent");
});

for (const data of ["{", "[]", "7", "null", "", new ArrayBuffer(8), '{"command":"Execution","id":"x"}', '{"command":"Execution","id":6,"body":[]}']) {
  test(`the message ${JSON.stringify(data)} ends the connection, not the program`, async () => {
    const f = await new Fixture().start(5);
    f.socket.onmessage?.({ data });
    assert.ok(f.client.state.name === "waiting" && f.client.state.reason.kind === "protocol");
    assert.equal(f.client.sequence, 5n);
  });
}

test("close leaves no timer and no listener, in every state", async () => {
  const reach: Record<string, (f: Fixture) => Promise<unknown>> = {
    connecting: async (f) => f.client.connect(),
    opening: async (f) => (f.client.connect(), settle()),
    "logging in": async (f) => (f.client.connect(), await settle(), f.socket.onopen?.({})),
    open: (f) => f.start(),
    waiting: async (f) => ((await f.start()), f.socket.cut()),
  };
  for (const [name, go] of Object.entries(reach)) {
    const f = new Fixture();
    await go(f);
    const got = outcome(f.client.placeOrder(order));
    f.client.close();
    await settle();
    assert.deepEqual(f.client.state, { name: "closed", reason: { kind: "closed", text: "closed by the program" } }, name);
    assert.ok(got.error instanceof ConnectionLost, name);
    assert.equal(f.timers.size, 0, name);
    for (const s of f.sockets) {
      assert.ok(s.closed || s.onopen === null, name);
      assert.deepEqual([s.onopen, s.onmessage, s.onclose], [null, null, null], name);
    }
    const before = f.events.length;
    await f.timers.advance(100_000);
    assert.equal(f.events.length, before, name);
  }
});

test("after close, connect resumes", async () => {
  const f = await new Fixture().start(5);
  f.client.close();
  f.client.connect();
  await f.resume();
  assert.equal(f.socket.last("Login").body.resumeFrom, "5");
});

test("connect ends the wait for the next attempt, and there is only one", async () => {
  const f = await new Fixture().start(5);
  f.socket.cut();
  f.client.connect();
  await settle();
  assert.equal(f.sockets.length, 2);
  assert.equal(f.timers.size, 1);
  f.login({ pushSequence: "5", resumed: true });
  await f.timers.advance(20_000);
  assert.deepEqual([f.sockets.length, f.client.state.name], [2, "open"]);
});

test("an unsubscribed listener hears nothing", async () => {
  const f = await new Fixture().start(5);
  let heard = 0;
  const leave = f.client.on("push", () => heard++);
  f.socket.push("Execution", 6);
  leave();
  f.socket.push("Execution", 7);
  assert.equal(heard, 1);
});

test("a listener may close the client", async () => {
  const f = new Fixture();
  f.client.on("state", (s) => s.name === "open" && f.client.close());
  await f.start();
  assert.deepEqual(f.events, ["connecting", "open resumed=false", "closed"]);
  assert.equal(f.timers.size, 0);
});

test("what is missing is said", () => {
  assert.throws(() => new Fixture({ addresses: [] }), /addresses/);
  assert.throws(() => new Fixture({ addresses: ["http://one/"] }), /addresses/);
});
