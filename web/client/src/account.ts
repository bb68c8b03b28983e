import { systemTimers, type Client, type Push, type Timers } from "./client.ts";
import { Emitter } from "./emitter.ts";
import { ConnectionLost, RequestError } from "./errors.ts";
import type {
  Account as AccountSummary,
  AccountUpdate,
  Execution,
  ExecutionBusted,
  Instrument,
  InstrumentKey,
  LoginReply,
  Order,
  OrderUpdate,
  Position,
  PositionUpdate,
  Quote,
} from "./messages.ts";
import { Rows } from "./rows.ts";

export interface AccountOptions {
  /** How many executions there are, the newest ones: 200; at most 1,000. */
  maxExecutions?: number;
  /** Milliseconds until the totals that no push has (realised profit, fees) are fetched: 1,000. */
  refreshDelay?: number;
  /** Milliseconds until what could not be fetched is fetched again: 2,000. */
  retryDelay?: number;
  /** For tests. */
  timers?: Timers;
}

export interface AccountEvents {
  /** Something has changed: once for each message of the server. */
  change: undefined;
}

/** The key of an instrument in the maps of an Account. */
export function keyOf(instrument: InstrumentKey): string {
  return `${instrument.market}/${instrument.code}`;
}

const isWorking = (order: Order): boolean =>
  order.status === "ORDER_STATUS_NEW" || order.status === "ORDER_STATUS_PARTIALLY_FILLED";

/** The account of a Client as a screen shows it. Rows are replaced when they change. */
export class Account extends Emitter<AccountEvents> {
  /** Cash and totals; undefined before the first login. */
  summary: AccountSummary | undefined;
  /** By keyOf. */
  readonly positions: ReadonlyMap<string, Position>;
  /** The working orders, by their ids. */
  readonly orders: ReadonlyMap<bigint, Order>;
  /** Newest first. Busted ones stay, with busted, bustReason and correctedBy. */
  executions: readonly Execution[] = [];
  /** The instruments of watch, with their last prices, by keyOf. */
  readonly quotes: ReadonlyMap<string, Instrument>;
  /** Grows with each change. */
  version = 0;
  /** Not everything has been fetched since the login. */
  loading = true;
  /** Why something could not be fetched. It is tried again. */
  error: Error | undefined;

  readonly #client: Client;
  readonly #options: Required<AccountOptions>;
  readonly #leave: (() => void)[];
  readonly #positions = new Rows<string, Position>();
  readonly #orders = new Rows<bigint, Order>();
  readonly #quotes = new Map<string, Instrument>();
  #watched: readonly InstrumentKey[] | "all" = [];
  /** The push that the summary is from. */
  #asOf = 0n;
  /** Busts that came while everything was fetched: the history may lack them. */
  readonly #busts = new Map<bigint, ExecutionBusted>();
  /** Counts loads: an earlier one stops. */
  #load = 0;
  #retry: unknown;
  #refresh: unknown;

  constructor(client: Client, options: AccountOptions = {}) {
    super();
    this.#client = client;
    this.#options = { maxExecutions: 200, refreshDelay: 1_000, retryDelay: 2_000, timers: systemTimers, ...options };
    this.positions = this.#positions.map;
    this.orders = this.#orders.map;
    this.quotes = this.#quotes;
    this.#leave = [
      client.on("snapshot", ({ reply }) => this.#replaced(reply)),
      client.on("resumed", () => void this.#fetch(this.loading)),
      client.on("push", (push) => this.#push(push)),
    ];
  }

  /** Subscribes to the quotes of these instruments, also after a reconnect; [] ends that. */
  watch(instruments: readonly InstrumentKey[] | "all"): void {
    this.#watched = instruments;
    this.#quotes.clear();
    if (this.#client.state.name === "open") {
      this.#subscribe(true).catch((err: unknown) => this.#failed(err, this.#load));
    }
    this.#changed();
  }

  /** Leaves the client. */
  stop(): void {
    this.#load++;
    this.#leave.forEach((leave) => leave());
    this.#options.timers.clearTimeout(this.#retry);
    this.#options.timers.clearTimeout(this.#refresh);
  }

  #changed(): void {
    this.version++;
    this.emit("change", undefined);
  }

  /** Shows a snapshot in place of everything. */
  #replaced(reply: LoginReply): void {
    this.summary = reply.account;
    this.#asOf = reply.pushSequence;
    this.#positions.map.clear();
    this.#orders.map.clear();
    this.executions = [];
    this.#busts.clear();
    void this.#fetch(true, reply);
  }

  /**
   * Fetches the positions, and with all also the working orders and the newest executions.
   * A reply to a login has the first page of the positions.
   */
  async #fetch(all: boolean, reply?: LoginReply): Promise<void> {
    const load = ++this.#load;
    this.#options.timers.clearTimeout(this.#retry);
    this.loading = all;
    this.error = undefined;
    if (reply !== undefined) {
      this.#positions.start();
      this.#positions.page(reply.positions, reply.pushSequence, keyOf);
    }
    this.#changed();
    try {
      await this.#subscribe(false);
      if (load === this.#load) {
        await this.#fetchPositions(load, reply);
      }
      if (all && load === this.#load) {
        await this.#fetchOrders(load);
      }
      if (all && load === this.#load) {
        await this.#fetchExecutions(load);
      }
      if (load === this.#load) {
        this.loading = false;
        this.#changed();
      }
    } catch (err) {
      this.#failed(err, load);
    }
  }

  /** Tries again later, unless the next login does, or there is no point in it. */
  #failed(err: unknown, load: number): void {
    if (load !== this.#load) {
      return;
    }
    this.loading = true;
    if (err instanceof ConnectionLost) {
      return;
    }
    this.error = err as Error;
    if (!(err instanceof RequestError && ["UNKNOWN_COMMAND", "FORBIDDEN"].includes(err.result))) {
      this.#options.timers.clearTimeout(this.#retry);
      this.#retry = this.#options.timers.setTimeout(() => void this.#fetch(true), this.#options.retryDelay);
    }
    this.#changed();
  }

  async #fetchPositions(load: number, reply: LoginReply | undefined): Promise<void> {
    let after = reply?.positions.at(-1);
    let more = reply?.morePositions ?? true;
    if (reply === undefined) {
      this.#positions.start();
    }
    while (more) {
      const { body } = await this.#client.request("Positions", { after: after && { market: after.market, code: after.code } });
      if (load !== this.#load) {
        return;
      }
      this.#positions.page(body.positions, body.pushSequence, keyOf);
      this.#summarise(body.pushSequence, body.account);
      after = body.positions.at(-1);
      more = body.more && after !== undefined;
    }
    this.#positions.end();
    this.#changed();
  }

  async #fetchOrders(load: number): Promise<void> {
    this.#orders.start();
    let afterOrderId = 0n;
    let more = true;
    while (more) {
      const { body } = await this.#client.request("Orders", { afterOrderId });
      if (load !== this.#load) {
        return;
      }
      this.#orders.page(body.orders, body.pushSequence, (order) => order.orderId);
      more = body.more && body.orders.length > 0;
      afterOrderId = body.orders.at(-1)?.orderId ?? 0n;
    }
    this.#orders.end();
    this.#changed();
  }

  async #fetchExecutions(load: number): Promise<void> {
    const { maxExecutions } = this.#options;
    let beforeExecutionId = 0n;
    let left = maxExecutions;
    do {
      const { body } = await this.#client.request("History", { beforeExecutionId, limit: Math.min(left, maxExecutions) });
      if (load !== this.#load) {
        return;
      }
      body.executions.forEach((x) => this.#add(x));
      left -= body.executions.length;
      beforeExecutionId = body.nextBeforeExecutionId; // a page can be short
    } while (beforeExecutionId > 0n && left > 0);
    this.#busts.clear();
    this.#changed();
  }

  /** Subscribes to the watched instruments, and fetches their prices. */
  async #subscribe(changed: boolean): Promise<void> {
    const watched = this.#watched;
    if (watched.length === 0) {
      if (changed) {
        await this.#client.request("Quotes", { limit: 1 });
      }
      return;
    }
    const instruments = watched === "all" ? [] : watched.map(({ market, code }) => ({ market, code }));
    let after: InstrumentKey | undefined;
    let more = true;
    while (more) {
      const { body } = await this.#client.request("Quotes", { instruments, subscribe: true, after });
      if (watched !== this.#watched) {
        return;
      }
      body.instruments.forEach((i) => this.#quotes.set(keyOf(i), i));
      const last = body.instruments.at(-1);
      after = last && { market: last.market, code: last.code };
      more = body.more && last !== undefined;
    }
    this.#changed();
  }

  #push(push: Push): void {
    switch (push.command) {
      case "PositionUpdate":
        push.sequence > 0n ? this.#positionChanged(push.sequence, push.body) : this.#repriced(push.body);
        break;
      case "Execution":
        this.#add(push.body);
        break;
      case "ExecutionBusted":
        this.#busted(push.sequence, push.body);
        break;
      case "OrderUpdate":
        this.#orderChanged(push.sequence, push.body);
        break;
      case "AccountUpdate":
        this.#accountChanged(push.sequence, push.body);
        break;
      case "Quote":
        this.#quoted(push.body);
        break;
      default:
        return;
    }
    if (push.sequence > 0n) {
      this.#refreshSoon();
    }
    this.#changed();
  }

  #positionChanged(sequence: bigint, update: PositionUpdate): void {
    this.#showPosition(sequence, update.position);
    if (this.summary !== undefined && sequence > this.#asOf) {
      this.summary = { ...this.summary, marketValue: update.marketValue };
      this.#showCash(sequence, update);
    }
  }

  #showPosition(sequence: bigint, position: Position | undefined): void {
    if (position !== undefined) {
      this.#positions.update(sequence, keyOf(position), position.quantity === 0n ? undefined : position);
    }
  }

  #showCash(sequence: bigint, { cash, frozenCash, unsettledCash }: PositionUpdate | OrderUpdate): void {
    if (this.summary !== undefined && sequence > this.#asOf) {
      this.#asOf = sequence;
      this.summary = { ...this.summary, cash, frozenCash, unsettledCash, freeCash: cash - frozenCash - unsettledCash };
    }
  }

  /** Shows a new price. An update for another quantity is from another moment. */
  #repriced({ position, marketValue }: PositionUpdate): void {
    const shown = position && this.#positions.map.get(keyOf(position));
    if (position === undefined || shown?.quantity !== position.quantity) {
      return;
    }
    this.#positions.map.set(keyOf(position), { ...position, frozen: shown.frozen, sellable: shown.sellable });
    this.summary &&= { ...this.summary, marketValue };
  }

  #quoted(quote: Quote): void {
    const key = keyOf(quote);
    const instrument = this.#quotes.get(key);
    if (instrument !== undefined) {
      this.#quotes.set(key, { ...instrument, lastPrice: quote.lastPrice });
    }
    const shown = this.#positions.map.get(key);
    if (shown !== undefined && shown.lastPrice !== quote.lastPrice) {
      const marketValue = shown.quantity * quote.lastPrice;
      const gain = marketValue - shown.marketValue;
      this.#positions.map.set(key, {
        ...shown,
        lastPrice: quote.lastPrice,
        marketValue,
        unrealisedProfit: shown.unrealisedProfit + gain,
      });
      this.summary &&= { ...this.summary, marketValue: this.summary.marketValue + gain };
    }
  }

  #busted(sequence: bigint, bust: ExecutionBusted): void {
    if (this.loading) {
      this.#busts.set(bust.executionId, bust);
    }
    const at = this.executions.findIndex((x) => x.executionId === bust.executionId);
    if (at >= 0) {
      this.executions = spliced(this.executions, at, 1, struck(this.executions[at]!, bust));
    }
    this.#showPosition(sequence, bust.position);
  }

  #orderChanged(sequence: bigint, update: OrderUpdate): void {
    const { order } = update;
    if (order !== undefined) {
      this.#orders.update(sequence, order.orderId, isWorking(order) ? order : undefined);
    }
    this.#showPosition(sequence, update.position);
    this.#showCash(sequence, update);
  }

  #accountChanged(sequence: bigint, update: AccountUpdate): void {
    this.#summarise(sequence, update.account);
    if (update.change === "ACCOUNT_CHANGE_RESET") {
      this.#positions.trim(sequence);
      this.#orders.trim(sequence);
      void this.#fetch(true);
    }
  }

  /** Shows the totals of a reply or push, unless those shown are newer. */
  #summarise(sequence: bigint, account: AccountSummary | undefined): void {
    if (account !== undefined && sequence >= this.#asOf) {
      this.summary = account;
      this.#asOf = sequence;
    }
  }

  /** Inserts or replaces an execution. One that is busted stays so. */
  #add(execution: Execution): void {
    const bust = this.#busts.get(execution.executionId);
    if (bust !== undefined && !execution.busted) {
      execution = struck(execution, bust);
    }
    const list = this.executions;
    let at = list.findIndex((x) => x.executionId <= execution.executionId);
    at = at < 0 ? list.length : at;
    const shown = list[at];
    if (shown?.executionId === execution.executionId) {
      if (execution.busted || !shown.busted) {
        this.executions = spliced(list, at, 1, execution);
      }
    } else {
      this.executions = spliced(list, at, 0, execution).slice(0, this.#options.maxExecutions);
    }
  }

  #refreshSoon(): void {
    const { timers, refreshDelay } = this.#options;
    this.#refresh ??= timers.setTimeout(() => {
      this.#refresh = undefined;
      if (this.#client.state.name === "open") {
        this.#client.request("Positions", { limit: 1 }).then(
          ({ body }) => {
            this.#summarise(body.pushSequence, body.account);
            this.#changed();
          },
          () => {}, // the next push, or the next login, tries again
        );
      }
    }, refreshDelay);
  }
}

function spliced<T>(list: readonly T[], at: number, remove: number, item: T): T[] {
  return [...list.slice(0, at), item, ...list.slice(at + remove)];
}

function struck(execution: Execution, bust: ExecutionBusted): Execution {
  return { ...execution, busted: true, bustReason: bust.reason, correctedBy: bust.correctedBy };
}
