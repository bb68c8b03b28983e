// The state of the page: who is logged in, the connection with its model of the account, and what
// the user has chosen. One of it exists.
import { useEffect, useState } from 'preact/hooks';
import {
  Account,
  Client,
  ConnectionLost,
  keyOf,
  RequestTimeout,
  type AccountSummary,
  type Command,
  type End,
  type Input,
  type Instrument,
  type PlaceOrderReply,
  type PlaceOrderRequest,
  type ReplyBody,
  type RequestBody,
  type State,
} from '../../client/src/index.ts';
import { count, exact, id, money, quantity } from './format.ts';
import { explain, sentence } from './explain.ts';
import { api, HTTPError } from './http.ts';
import { Prices } from './prices.ts';
import { causes, snapshots, statuses, word } from './words.ts';

export type Session = { customer: number; name: string; operator: boolean; viewer: boolean; expires: string };

export type Info = { version: string; websocketPort: number; websocketTLS: boolean; demo?: boolean };

export type Connection =
  | { kind: 'connecting' }
  | { kind: 'open' }
  /** until is when the next attempt starts, as Date.now(). */
  | { kind: 'waiting'; until: number; reason: string }
  | { kind: 'closed'; reason: string };

export type Toast = { id: number; kind: '' | 'good' | 'bad'; text: string };

/** An order that was sent and not answered yet. */
export type Sent = {
  order: Input<PlaceOrderRequest> & { clientOrderId: string };
  text: string;
  /** The connection broke meanwhile. */
  lost: boolean;
  /** The client sends it again by itself. */
  waits: boolean;
};

export type TicketSide = 'SIDE_BUY' | 'SIDE_SELL';

/** Where the page remembers that the browser has a session. The cookie is not for scripts. */
const mark = 'holdfast session';
/** Where it keeps the orders that have no reply. */
const unanswered = 'holdfast unanswered';

export class Store {
  phase: 'loading' | 'login' | 'in' = 'loading';
  /** Why the page could not be loaded. */
  trouble = '';
  /** What is said above the form of the login. */
  loginMessage = '';
  lastCustomer = '';
  /** Why the session of the browser has ended, while the page asks for the password again. */
  relogin = '';
  info?: Info;
  session?: Session;
  client?: Client;
  account?: Account;
  connection: Connection = { kind: 'connecting' };
  banner?: { kind: 'good' | 'bad' | ''; text: string };
  toasts: Toast[] = [];
  readonly sent = new Map<string, Sent>();
  chosen = '';
  ticket?: TicketSide;
  lastOutcome?: { kind: 'good' | 'bad'; text: string };
  readonly prices = new Prices();

  private readonly listeners = new Set<() => void>();
  private scheduled = false;
  private drawn = 0;
  private toastId = 0;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /**
   * Renders the page with the next animation frame, and at most ten times a second: nobody reads
   * faster. A hidden page is not rendered at all.
   */
  changed = () => {
    if (this.scheduled) return;
    this.scheduled = true;
    const frame = () =>
      requestAnimationFrame(() => {
        this.scheduled = false;
        this.drawn = performance.now();
        for (const listener of this.listeners) listener();
      });
    const wait = this.drawn + 100 - performance.now();
    if (wait > 0) setTimeout(frame, wait);
    else frame();
  };

  /** Finds out whether the browser has a session, and continues it. */
  async start() {
    this.trouble = '';
    try {
      this.info = await api<Info>('/api/console');
      if (localStorage.getItem(mark)) this.enter(await api<Session>('/api/session'));
      else this.phase = 'login';
    } catch (error) {
      if ((error as HTTPError).status === 401) this.phase = 'login';
      else this.trouble = (error as Error).message;
    }
    this.changed();
  }

  async login(customer: number, password: string) {
    this.info = await api<Info>('/api/console');
    this.enter(await api<Session>('/api/login', { customer, password }));
  }

  async logout() {
    try {
      if (!this.relogin) await api('/api/logout', {});
      this.leave('You are logged out.');
    } catch (error) {
      this.toast('bad', `You are still logged in: ${(error as Error).message}`);
    }
  }

  /** The instrument with this key, such as ALFA/600100. */
  instrument(key: string): Instrument | undefined {
    return this.account?.quotes.get(key);
  }

  choose(key: string) {
    if (this.chosen === key) return;
    this.chosen = key;
    this.lastOutcome = undefined;
    this.changed();
  }

  openTicket(side: TicketSide) {
    this.ticket = side;
    this.lastOutcome = undefined;
    this.changed();
  }

  closeTicket(outcome?: { kind: 'good' | 'bad'; text: string }) {
    this.ticket = undefined;
    this.lastOutcome = outcome;
    this.changed();
  }

  /** Shows a message for some seconds, and a bad one until it is dismissed. Five are there at most. */
  toast(kind: Toast['kind'], text: string) {
    const id = ++this.toastId;
    this.toasts = [...this.toasts.filter((toast) => toast.text !== text).slice(-4), { id, kind, text }];
    if (kind !== 'bad') setTimeout(() => this.dismiss(id), 8000);
    this.changed();
  }

  dismiss(id: number) {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
    this.changed();
  }

  private showBanner(kind: 'good' | 'bad' | '', text: string) {
    const banner = { kind, text };
    this.banner = banner;
    if (kind === 'good') setTimeout(() => this.banner === banner && this.dismissBanner(), 15_000);
    this.changed();
  }

  dismissBanner() {
    this.banner = undefined;
    this.changed();
  }

  newClientOrderId(): string {
    const random = crypto.getRandomValues(new Uint8Array(10));
    return 'web-' + [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  /**
   * Places an order. text says it in words, for as long as there is no reply. Without a reply in
   * time it stays in sent: it may have been executed, and can be sent again without harm.
   */
  async place(order: Input<PlaceOrderRequest> & { clientOrderId: string }, text: string): Promise<PlaceOrderReply> {
    const { clientOrderId } = order;
    const historyId = order.historyId || this.historyId;
    if (this.connection.kind !== 'open') throw new ConnectionLost('not connected');
    this.sent.set(clientOrderId, { order: { ...order, historyId }, text, lost: false, waits: true });
    this.remember();
    this.changed();
    try {
      const reply = await this.request('PlaceOrder', { ...order, historyId });
      this.sent.delete(clientOrderId);
      return reply;
    } catch (error) {
      const sent = this.sent.get(clientOrderId);
      if (sent && (error instanceof ConnectionLost || error instanceof RequestTimeout)) {
        this.sent.set(clientOrderId, { ...sent, lost: true, waits: false });
      } else {
        this.sent.delete(clientOrderId);
      }
      throw error;
    } finally {
      this.remember();
      this.changed();
    }
  }

  /** Sends an order without a reply again. */
  async placeAgain(sent: Sent) {
    try {
      const reply = await this.place(sent.order, sent.text);
      this.toast('good', outcomeOf(sent.text, reply, exact));
    } catch (error) {
      this.toast('bad', `${sent.text}: ${explain(error)}`);
    }
  }

  forget(sent: Sent) {
    this.sent.delete(sent.order.clientOrderId);
    this.remember();
    this.changed();
  }

  /** Orders without a reply survive that the page is loaded again, in the same tab. */
  private remember() {
    const all = [...this.sent.values()].map(({ order, text }) => ({ order, text }));
    if (all.length === 0) sessionStorage.removeItem(unanswered);
    else sessionStorage.setItem(unanswered, JSON.stringify({ customer: this.session?.customer, all }, (_, value: unknown) => (typeof value === 'bigint' ? { bigint: String(value) } : value)));
  }

  private recall() {
    this.sent.clear();
    try {
      const stored = JSON.parse(sessionStorage.getItem(unanswered) ?? 'null', (_, value) => (typeof value?.bigint === 'string' ? BigInt(value.bigint) : value));
      if (stored?.customer !== this.session?.customer) return;
      for (const { order, text } of stored.all as Sent[]) this.sent.set(order.clientOrderId, { order, text, lost: true, waits: false });
    } catch {
      sessionStorage.removeItem(unanswered);
    }
  }

  private connect() {
    const { info } = this;
    const address = `${info!.websocketTLS ? 'wss' : 'ws'}://${location.hostname}:${info!.websocketPort}/ws`;
    const client = new Client({ addresses: [address], credential: this.credential, requestTimeout: 60_000 });
    const account = new Account(client);
    this.client = client;
    this.account = account;
    this.prices.clear();
    account.watch('all');
    // After each login all prices are fetched anew.
    let fetched = false;
    account.on('change', () => {
      if (fetched && !account.loading) {
        fetched = false;
        for (const [key, instrument] of account.quotes) this.prices.add(key, instrument.lastPrice);
      }
      if (this.chosen === '') this.chosen = [...account.positions.keys(), ...account.quotes.keys()].find((key) => account.quotes.has(key)) ?? '';
      this.changed();
    });
    let before = false;
    client.on('state', (state) => {
      if (client !== this.client) return;
      this.connection = connectionOf(state);
      if (state.name === 'open') this.banner = undefined;
      else for (const one of this.sent.values()) one.lost = true;
      // The session has ended, in another tab or with its credential: asking for a ticket finds out.
      if (state.name === 'closed' && state.reason.notice === 'NOTICE_CODE_REVOKED') client.connect();
      this.changed();
    });
    client.on('snapshot', ({ why }) => {
      fetched = true;
      if (before) this.showBanner('good', `Connected again with a fresh snapshot, because ${word(snapshots, why) || snapshots.SNAPSHOT_REASON_UNSPECIFIED}.`);
      before = true;
    });
    client.on('resumed', ({ missed }) => {
      fetched = true;
      const updates = missed === 0 ? 'nothing was missed' : `${count(missed, 'missed update')} applied`;
      this.showBanner('good', `Connected again and resumed: ${updates}.`);
    });
    client.on('push', (push) => {
      if (push.command === 'Quote') this.prices.add(keyOf(push.body), push.body.lastPrice);
      else if (push.command === 'ExecutionBusted') this.busted(push.body.executionId, push.body.correctedBy, push.body.reason);
      else if (push.command === 'AccountUpdate') this.cameIn(push.body.change, push.body.amount, push.body.text);
    });
    client.connect();
  }

  get historyId(): string {
    return this.client?.historyId ?? '';
  }

  /** Cash and totals; undefined before the first login. */
  get summary(): AccountSummary | undefined {
    return this.account?.summary;
  }

  tryNow() {
    this.client?.connect();
  }

  private busted(executionId: bigint, correctedBy: bigint, reason: string) {
    const because = reason === '' ? '' : ` Reason: ${reason}`;
    this.toast('bad', correctedBy === 0n ? `Execution ${id(executionId)} was busted.${because}` : `Execution ${id(executionId)} was corrected: ${id(correctedBy)} is in its place.${because}`);
  }

  private cameIn(change: string, amount: bigint, text: string) {
    const because = text === '' ? '' : ` ${text}`;
    if (change === 'ACCOUNT_CHANGE_DEPOSIT') this.toast('good', `${money(amount)} came into the account.${because}`);
    else if (change === 'ACCOUNT_CHANGE_WITHDRAWAL') this.toast('', `${money(-amount)} left the account.${because}`);
    else if (change === 'ACCOUNT_CHANGE_RESET') this.toast('bad', `The account was reset: it is as when it was opened.${because}`);
  }

  /**
   * Asks for a ticket, which logs one connection in. Without a session the page asks for the
   * password; the client tries again meanwhile, so that nothing that it has sent is forgotten.
   */
  private credential = async (): Promise<{ customer: number; token: string }> => {
    if (this.relogin) throw new Error(this.relogin);
    try {
      const { customer, ticket } = await api<{ customer: number; ticket: string }>('/api/ticket', {});
      return { customer, token: ticket };
    } catch (error) {
      if ((error as HTTPError).status === 401) {
        this.relogin = sentence((error as Error).message);
        this.changed();
      }
      throw error;
    }
  };

  /** Logs the same customer in again; the page and its connection continue where they were. */
  async loginAgain(password: string) {
    this.session = await api<Session>('/api/login', { customer: this.session!.customer, password });
    localStorage.setItem(mark, String(this.session.customer));
    this.relogin = '';
    this.client?.connect();
    this.changed();
  }

  /** Requests that need a connection reject with a sentence while there is none. */
  async request<C extends Command>(command: C, body: RequestBody<C>): Promise<ReplyBody<C>> {
    if (!this.client) throw new ConnectionLost('not connected');
    return (await this.client.request(command, body as never)).body;
  }

  private enter(session: Session) {
    this.session = session;
    localStorage.setItem(mark, String(session.customer));
    this.lastCustomer = String(session.customer);
    this.phase = 'in';
    this.loginMessage = '';
    this.banner = undefined;
    this.recall();
    this.connect();
    this.changed();
  }

  private leave(message: string) {
    localStorage.removeItem(mark);
    const client = this.client;
    this.client = undefined;
    client?.close();
    this.account?.stop();
    this.account = undefined;
    this.session = undefined;
    this.relogin = '';
    this.chosen = '';
    this.ticket = undefined;
    this.lastOutcome = undefined;
    this.phase = 'login';
    this.loginMessage = message;
    this.changed();
  }
}

function connectionOf(state: State): Connection {
  switch (state.name) {
    case 'open':
      return { kind: 'open' };
    case 'waiting':
      return { kind: 'waiting', until: Date.now() + state.delay, reason: reasonOf(state.reason) };
    case 'closed':
      return { kind: 'closed', reason: reasonOf(state.reason) };
    default:
      return { kind: 'connecting' };
  }
}

/** Why a connection ended, as a sentence. */
function reasonOf(end: End): string {
  const said = sentence(end.text);
  switch (end.kind) {
    case 'closed':
      return '';
    case 'lost':
      return 'The server does not answer.';
    case 'refused':
      return `The server refuses the login. ${said}`;
    case 'protocol':
      return `The server and this page do not understand each other: load the page again. ${said}`;
    default:
      return said;
  }
}

export const store = new Store();

/** Renders the component again when anything of the store has changed. */
export function useStore(): Store {
  const [, set] = useState(0);
  useEffect(() => store.subscribe(() => set((n) => n + 1)), []);
  return store;
}

/** The model of the account, which is undefined until the first login; renders as useStore does. */
export function useAccount(): Account | undefined {
  return useStore().account;
}

/** What became of an order, in a sentence. */
export function outcomeOf(text: string, reply: PlaceOrderReply, write: (price: bigint) => string): string {
  const filled = reply.filled > 0n ? `${quantity(reply.filled)} at ${reply.averagePrice % 100n === 0n ? write(reply.averagePrice) : exact(reply.averagePrice)}` : '';
  switch (reply.status) {
    case 'ORDER_STATUS_FILLED':
      return `Filled: ${text}, ${filled}.`;
    case 'ORDER_STATUS_NEW':
      return `Working: ${text}.`;
    case 'ORDER_STATUS_PARTIALLY_FILLED':
      return `Part filled: ${text}, ${filled}; ${quantity(reply.leaves)} work on.`;
    default:
      return `${word(statuses, reply.status)}: ${text}${filled && `, ${filled}`}${reply.cause !== 'ORDER_CAUSE_UNSPECIFIED' ? `: ${word(causes, reply.cause)}` : ''}.`;
  }
}
