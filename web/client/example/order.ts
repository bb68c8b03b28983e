// Logs in, shows the account, places an order, and waits until the account shows its execution.
import WebSocket from "ws"; // browsers and Node 22 have one already
import { Account, Client, NoCredential, RequestError } from "../src/index.ts";

const client = new Client({
  addresses: [process.env.ADDRESS ?? "ws://127.0.0.1:8891/ws"],
  credential: async () => {
    if (!process.env.PASSWORD) {
      throw new NoCredential("set PASSWORD");
    }
    return { customer: 100001, password: process.env.PASSWORD };
  },
  WebSocket,
});
const account = new Account(client);

client.on("state", (state) => {
  if (state.name === "waiting") {
    console.log(`${state.reason.text}; next attempt in ${Math.round(state.delay)} ms`);
  }
});
client.on("resumed", ({ missed }) => console.log(`connected again, ${missed} pushes missed meanwhile`));

/** Waits until the account looks as it should. */
const shown = (ok: () => boolean): Promise<void> =>
  new Promise((resolve, reject) => {
    account.on("change", () => ok() && resolve());
    client.on("state", (state) => state.name === "closed" && reject(new Error(state.reason.text)));
  });

try {
  client.connect();
  await shown(() => !account.loading);
  console.log(`${account.summary!.name}: cash ${account.summary!.cash / 10_000n}, ${account.positions.size} positions`);

  const id = `example-${Date.now()}`;
  const executed = shown(() => account.executions.some((x) => x.clientOrderId === id));
  const { result, body } = await client.placeOrder({ clientOrderId: id, side: "SIDE_BUY", market: "ALFA", code: "600100", quantity: 100n });
  console.log(`${result}: order ${body.orderId}, ${body.filled} shares executed`);
  await executed;
  console.log(`the account has execution ${account.executions[0]!.executionId}, cash ${account.summary!.cash / 10_000n}`);
} catch (err) {
  console.error(err instanceof RequestError ? `${err.result} ${err.reason}: ${err.message}` : String(err));
  process.exitCode = 1;
} finally {
  account.stop();
  client.close();
}
