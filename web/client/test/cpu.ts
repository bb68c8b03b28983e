// Measures what an Account costs at a rate of pushes: CPU time of this process, without the network.
// node test/run.mjs cpu
import { Account, Client } from "../src/index.ts";
import { FakeSocket, history, settle } from "./fake.ts";

const rate = 1000; // pushes a second
const seconds = 20;
const positions = 4096;

const code = (i: number): string => String(600000 + (i % positions));
const position = (i: number, price: number) => ({
  market: "ALFA", code: code(i), quantity: "100", averageCost: "100000", lastPrice: String(price), marketValue: String(100 * price),
  unrealisedProfit: String(100 * (price - 100000)), sellable: "100",
});
const order = (id: number) => ({
  orderId: String(id), customer: 100001, side: "SIDE_BUY", market: "ALFA", code: code(id), type: "ORDER_TYPE_LIMIT",
  quantity: "200", price: "99000", status: "ORDER_STATUS_PARTIALLY_FILLED", filled: "100", leaves: "100", time: "1767605401000000000",
});

let socket!: FakeSocket;
const client = new Client({
  addresses: ["ws://one/ws"],
  credential: async () => ({ customer: 100001 }),
  WebSocket: class extends FakeSocket {
    constructor(address: string) {
      super(address);
      socket = this;
    }
  },
});
const account = new Account(client);
let rendered = 0;
account.on("change", () => rendered++);
client.connect();
await settle();
socket.onopen?.({});
socket.reply("Login", { account: { customer: 100001 }, historyId: history, positions: Array.from({ length: positions }, (_, i) => position(i, 100000)) });
await settle();
socket.reply("Orders", { orders: Array.from({ length: 1000 }, (_, i) => order(i + 1)) });
await settle();
socket.reply("History", {});
await settle();

// In ten pushes: an execution with its position and its order, and seven new prices.
let sequence = 0;
let made = 0;
const text = (): string => {
  const i = made++;
  const price = 100000 + (i % 500) * 100;
  const push = (command: string, numbered: boolean, body: object) => JSON.stringify({ command, id: numbered ? ++sequence : 0, body });
  switch (i % 10) {
    case 0:
      return push("Execution", true, { executionId: String(i + 1), orderId: "7", customer: 100001, side: "SIDE_BUY", market: "ALFA", code: code(i), quantity: "100", price: String(price), time: "1767605400000000000" });
    case 1:
      return push("PositionUpdate", true, { change: "CHANGE_INCREASED", position: position(i, price), rowCount: positions, marketValue: "4096000000", cash: "9980000000" });
    case 2:
      return push("OrderUpdate", true, { order: order((i % 1000) + 1), time: "1767605401000000000", cash: "9980000000" });
    default:
      return push("PositionUpdate", false, { change: "CHANGE_REPRICED", position: position(i, price), rowCount: positions, marketValue: "4096000000", cash: "9980000000" });
  }
};
const texts = Array.from({ length: rate * (seconds + 2) }, text); // the server's work, not ours

let next = 0;
const play = async (count: number): Promise<void> => {
  for (let i = 0; i < count / (rate / 100); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (let j = 0; j < rate / 100; j++) {
      socket.onmessage?.({ data: texts[next++] });
    }
  }
};
await play(rate * 2); // warm
const before = process.cpuUsage();
const start = process.hrtime.bigint();
await play(rate * seconds);
const { user, system } = process.cpuUsage(before);
const elapsed = Number(process.hrtime.bigint() - start) / 1e9;
const each = (user + system) / (rate * seconds);
console.log(
  `${rate * seconds} pushes in ${elapsed.toFixed(1)} s, ${positions} positions, 1000 working orders, ${account.executions.length} executions: ` +
    `${each.toFixed(1)} µs of CPU each, ${((each * rate) / 1e4).toFixed(1)} % of one processor at ${rate} pushes a second; ${rendered} changes, ` +
    `${(process.memoryUsage().heapUsed / 1e6).toFixed(0)} MB of heap`,
);
account.stop();
client.close();
