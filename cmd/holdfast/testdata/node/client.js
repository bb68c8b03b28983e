// A client of the WebSocket listener with the package ws: it checks what the server does,
// and ends with code 1 and a reason if something is wrong.
//
// node client.js URL CUSTOMER TOKEN: the token in hex. After the line "waiting" on standard
// output it waits until the server stops.
import assert from "node:assert/strict";
import WebSocket from "ws";

const [url, customerText, tokenText] = process.argv.slice(2);
const customer = Number(customerText);
const token = Buffer.from(tokenText, "hex");

const patience = 180_000;
const late = setTimeout(() => fail(new Error("it takes too long")), patience);
const fail = (error) => {
  console.error(`${step}: ${error.stack}`);
  process.exit(1);
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);
let step = "start";

// Session is a connection whose events wait until the script asks for them.
class Session {
  constructor(subprotocols, options) {
    this.events = [];
    this.waiting = null;
    this.ws = new WebSocket(url, subprotocols, options);
    this.ws.on("open", () => this.add({ kind: "open" }));
    this.ws.on("message", (data, binary) => this.add({ kind: binary ? "binary" : "text", data }));
    this.ws.on("ping", (data) => this.add({ kind: "ping", data }));
    this.ws.on("pong", (data) => this.add({ kind: "pong", data }));
    this.ws.on("close", (code, reason) => this.add({ kind: "close", code, reason: reason.toString() }));
    this.ws.on("error", (error) => this.add({ kind: "error", error }));
    this.ws.on("unexpected-response", (request, answer) => {
      this.add({ kind: "refused", status: answer.statusCode });
      request.destroy();
    });
  }
  add(event) {
    this.events.push(event);
    this.waiting?.();
  }
  // next returns the next event that is not a ping of the server, which ws answers.
  async next(kind) {
    for (;;) {
      while (this.events.length === 0) await new Promise((resolve) => (this.waiting = resolve));
      const event = this.events.shift();
      if (event.kind === "ping" && kind !== "ping") continue;
      assert.equal(event.kind, kind, `${event.kind} ${event.error ?? event.code ?? event.data}`);
      return event;
    }
  }
  async closed(code) {
    const event = await this.next("close");
    assert.equal(event.code, code, event.reason);
    return event.reason;
  }
}

// Json speaks the text messages.
class Json extends Session {
  id = 0;
  frame(command, body) {
    return JSON.stringify({ command, id: ++this.id, body });
  }
  async message() {
    return JSON.parse((await this.next("text")).data.toString());
  }
  async reply(command) {
    const m = await this.message();
    assert.deepEqual([m.command, m.id, m.result], [`${command}Reply`, this.id, "OK"], JSON.stringify(m));
    return m.body;
  }
  async login() {
    this.ws.send(this.frame("Login", { customer, token: token.toString("base64") }));
    const body = await this.reply("Login");
    assert.equal(body.account.customer, customer);
    assert.equal(Buffer.from(body.historyId, "base64").length, 16);
    this.last = Number(body.pushSequence ?? 0);
  }
  order(clientOrderId, price) {
    return this.frame("PlaceOrder", { clientOrderId, side: "SIDE_BUY", market: "ALFA", code: "600100", quantity: 2, price });
  }
  cancel(clientOrderId) {
    return this.frame("CancelOrder", { clientOrderId });
  }
  // take returns the next n messages by their commands.
  async take(n) {
    const got = {};
    for (let i = 0; i < n; i++) {
      const m = await this.message();
      got[m.command] = m;
    }
    return got;
  }
  // traded reads what comes after a market order: the reply and two numbered pushes.
  async traded(clientOrderId) {
    const got = await this.take(3);
    assert.deepEqual([got.PlaceOrderReply.id, got.PlaceOrderReply.result], [this.id, "OK"]);
    assert.deepEqual([got.Execution.id, got.PositionUpdate.id], [++this.last, ++this.last]);
    assert.equal(got.PlaceOrderReply.body.status, "ORDER_STATUS_FILLED");
    assert.equal(got.PositionUpdate.body.position.code, "600100");
    assert.equal(got.Execution.body.clientOrderId, clientOrderId);
    assert.equal(got.Execution.body.quantity, "2");
    assert.equal(got.Execution.body.executionId, got.PlaceOrderReply.body.executions[0].executionId);
  }
  // rested reads what comes after a limit order that waits, and after its cancellation: the
  // reply and a numbered push.
  async rested(command, clientOrderId) {
    const got = await this.take(2);
    const reply = got[`${command}Reply`];
    assert.deepEqual([reply.id, reply.result, got.OrderUpdate.id], [this.id, "OK", ++this.last]);
    const { order } = got.OrderUpdate.body;
    const status = command === "PlaceOrder" ? "ORDER_STATUS_NEW" : "ORDER_STATUS_CANCELLED";
    assert.deepEqual([order.clientOrderId, order.status, (reply.body.order ?? reply.body).status], [clientOrderId, status, status]);
  }
}

// Binary speaks the binary messages: command (1 byte), id (8), body.
class Binary extends Session {
  id = 0n;
  frame(command, ...body) {
    const head = Buffer.alloc(9);
    head[0] = command;
    head.writeBigUInt64BE(++this.id, 1);
    return Buffer.concat([head, ...body]);
  }
  async message() {
    const { data } = await this.next("binary");
    return { command: data[0], id: data.readBigUInt64BE(1), body: data.subarray(9) };
  }
  async reply(command) {
    const m = await this.message();
    assert.deepEqual([m.command, m.id, m.body[0]], [command | 0x80, this.id, 0], m.body.toString());
    return m.body.subarray(1);
  }
  async login() {
    this.ws.send(this.frame(0x04, number(1, customer), bytes(3, token)));
    await this.reply(0x04);
    this.last = null;
  }
  order(clientOrderId, price = 0) {
    return this.frame(0x07, bytes(1, Buffer.from(clientOrderId)), number(2, 1), bytes(3, Buffer.from("ALFA")), bytes(4, Buffer.from("600100")), number(5, 2), number(6, price));
  }
  cancel(clientOrderId) {
    return this.frame(0x08, bytes(2, Buffer.from(clientOrderId)));
  }
  async take(n) {
    const got = {};
    for (let i = 0; i < n; i++) {
      const m = await this.message();
      got[m.command] = m;
    }
    return got;
  }
  async traded(clientOrderId) {
    const got = await this.take(3);
    assert.deepEqual([got[0x87].id, got[0x87].body[0]], [this.id, 0]);
    if (this.last !== null) assert.equal(got[0x43].id, this.last + 1n);
    this.last = got[0x42].id;
    assert.equal(got[0x43].id, this.last - 1n);
    assert.ok(got[0x43].body.includes(clientOrderId) && got[0x87].body.includes(clientOrderId));
  }
  async rested(command, clientOrderId) {
    const got = await this.take(2);
    const reply = got[command === "PlaceOrder" ? 0x87 : 0x88];
    assert.deepEqual([reply.id, reply.body[0], got[0x47].id], [this.id, 0, ++this.last]);
    assert.ok(got[0x47].body.includes(clientOrderId));
  }
}

// The fields of Protocol Buffers messages: a varint, and bytes.
function number(field, value) {
  const b = [field << 3];
  for (; value > 127; value = Math.floor(value / 128)) b.push((value % 128) | 128);
  return Buffer.from([...b, value]);
}
function bytes(field, value) {
  return Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), value]);
}

let orders = 0;

// trade checks a session from the handshake to the close.
async function trade(s, protocol, code) {
  await s.next("open");
  assert.deepEqual([s.ws.protocol, s.ws.extensions], [protocol, ""]);
  await s.login();
  for (let i = 0; i < 3; i++) {
    const name = `node ${++orders}`;
    s.ws.send(s.order(name));
    await s.traded(name);
  }
  const limit = `node ${++orders}`;
  s.ws.send(s.order(limit, 10_000)); // 1.0000 a share: it waits
  await s.rested("PlaceOrder", limit);
  s.ws.send(s.cancel(limit));
  await s.rested("CancelOrder", limit);

  s.ws.ping("still there?");
  assert.equal((await s.next("pong")).data.toString(), "still there?");

  const name = `node ${++orders}`;
  const message = s.order(name);
  const binary = typeof message !== "string";
  for (let i = 0; i < message.length; i++) {
    s.ws.send(message.slice(i, i + 1), { fin: i === message.length - 1, binary });
    if (i === 5) s.ws.ping("between");
  }
  assert.equal((await s.next("pong")).data.toString(), "between");
  await s.traded(name);

  s.ws.close(code, "done");
  assert.equal(await s.closed(code), "done");
}

// ends checks how the server closes a connection after a message.
async function ends(s, code, message, options) {
  await s.next("open");
  s.ws.send(message, options);
  for (;;) {
    while (s.events.length === 0) await new Promise((resolve) => (s.waiting = resolve));
    const event = s.events.shift(); // a Notice may come before the close
    if (event.kind !== "close") continue;
    assert.equal(event.code, code, event.reason);
    return;
  }
}

const json = "holdfast.v1.json";
const packet = "holdfast.v1.packet";
const steps = {
  "JSON, compression offered": () => trade(new Json(json), json, 1000),
  "JSON, no compression": () => trade(new Json(json, { perMessageDeflate: false }), json, 3001),
  "binary, compression offered": () => trade(new Binary(packet, { perMessageDeflate: true }), packet, 1000),
  "binary, no compression": () => trade(new Binary(packet, { perMessageDeflate: false }), packet, 3001),
  "text first": () => trade(new Json([]), "", 1000),
  "binary first": () => trade(new Binary([]), "", 1000),
  "the first subprotocol of two that the server has": () => trade(new Json(["other", json, packet]), json, 1000),
  "bad JSON": () => ends(new Json(json), 1007, "{"),
  "text that is not UTF-8": () => ends(new Json(json), 1007, Buffer.from([0x22, 0xff, 0x22]), { binary: false }),
  "too large": () => ends(new Binary(packet), 1009, Buffer.alloc(2 << 20)),
  "too large in fragments": async () => {
    const s = new Json(json);
    await s.next("open");
    s.ws.send(" ".repeat(40 << 10), { fin: false });
    s.ws.send(" ".repeat(40 << 10), { fin: true });
    await s.next("text");
    await s.closed(1009);
  },
  "binary to JSON": () => ends(new Json(json), 1003, Buffer.from("{}")),
  "text to binary": () => ends(new Binary(packet), 1003, "{}"),
  "text after binary": async () => {
    const s = new Binary([]);
    await s.next("open");
    await s.login();
    s.ws.send("{}");
    await s.next("binary"); // the Notice
    await s.closed(1003);
  },
  "another path": async () => {
    const ws = new WebSocket(url + "/other");
    ws.on("error", () => {});
    await new Promise((resolve) => ws.on("unexpected-response", (request, answer) => {
      assert.equal(answer.statusCode, 404);
      resolve(request.destroy());
    }));
  },
  "a foreign origin": async () => {
    const s = new Session(json, { origin: "https://elsewhere.example" });
    assert.equal((await s.next("refused")).status, 403);
  },
  "the server's ping": async () => {
    const s = new Json(json);
    await s.next("open");
    await s.next("ping");
    await s.next("ping"); // ws has answered the first
    s.ws.close();
    await s.closed(1005);
  },
  "the server stops": async () => {
    const s = new Json(json);
    await s.next("open");
    await s.login();
    console.log("waiting");
    const notice = await s.message();
    assert.deepEqual([notice.command, notice.body.code], ["Notice", "NOTICE_CODE_SHUTTING_DOWN"]);
    await s.closed(1001);
  },
};
for (const [name, run] of Object.entries(steps)) {
  step = name;
  await run();
}
clearTimeout(late);
console.log(`${Object.keys(steps).length} steps`);
