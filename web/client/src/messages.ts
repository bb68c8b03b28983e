// Code generated from codec/pb/holdfast.proto by codec/typescript. DO NOT EDIT.

/** The names of the enums. The first one has the number 0. */
export const enums = {
  Side: [
    "SIDE_UNSPECIFIED",
    "SIDE_BUY",
    "SIDE_SELL",
  ],
  OrderType: [
    /** A market order without a price, a limit order with one. */
    "ORDER_TYPE_UNSPECIFIED",
    "ORDER_TYPE_MARKET",
    "ORDER_TYPE_LIMIT",
    /** A market order once the last price has reached stop_price. */
    "ORDER_TYPE_STOP",
    /** A limit order once the last price has reached stop_price. */
    "ORDER_TYPE_STOP_LIMIT",
  ],
  TimeInForce: [
    /** DAY. */
    "TIME_IN_FORCE_UNSPECIFIED",
    /** Until the close of the trading day. */
    "TIME_IN_FORCE_DAY",
    "TIME_IN_FORCE_GOOD_TILL_CANCELLED",
    /** Until expires. */
    "TIME_IN_FORCE_GOOD_TILL_DATE",
    /** What can't be executed at once is cancelled. */
    "TIME_IN_FORCE_IMMEDIATE_OR_CANCEL",
    /** All of it at once, or nothing. */
    "TIME_IN_FORCE_FILL_OR_KILL",
  ],
  OrderStatus: [
    "ORDER_STATUS_UNSPECIFIED",
    "ORDER_STATUS_FILLED",
    "ORDER_STATUS_NEW",
    "ORDER_STATUS_PARTIALLY_FILLED",
    "ORDER_STATUS_CANCELLED",
    "ORDER_STATUS_EXPIRED",
  ],
  OrderCause: [
    "ORDER_CAUSE_UNSPECIFIED",
    /** A client has cancelled or replaced it. */
    "ORDER_CAUSE_CLIENT",
    /** An operator or a script has cancelled it. */
    "ORDER_CAUSE_OPERATOR",
    /** The rest could not be executed at once. */
    "ORDER_CAUSE_IMMEDIATE_OR_CANCEL",
    /** Not all of it could be executed at once. */
    "ORDER_CAUSE_FILL_OR_KILL",
    /** A market order found nothing more inside the price band. */
    "ORDER_CAUSE_LIQUIDITY",
    /** There was no longer enough cash. */
    "ORDER_CAUSE_CASH",
    /** A bust or correction has taken the shares. */
    "ORDER_CAUSE_SHARES",
    /** One of its executions was busted. */
    "ORDER_CAUSE_BUST",
    /** One of its executions was corrected. */
    "ORDER_CAUSE_CORRECTION",
    /** The account was reset. */
    "ORDER_CAUSE_RESET",
    /** It has expired at the close of the trading day. */
    "ORDER_CAUSE_CLOSE",
    /** It has expired at its date. */
    "ORDER_CAUSE_DATE",
    /** Its stop price was reached. */
    "ORDER_CAUSE_STOP_PRICE",
    /** An execution would have exceeded a limit of the account. */
    "ORDER_CAUSE_LIMITS",
  ],
  ExecutionState: [
    /** All. */
    "EXECUTION_STATE_UNSPECIFIED",
    /** Those that were neither busted nor corrected. */
    "EXECUTION_STATE_STANDING",
    /** Those that were busted or corrected. */
    "EXECUTION_STATE_BUSTED",
  ],
  Change: [
    "CHANGE_UNSPECIFIED",
    "CHANGE_OPENED",
    "CHANGE_CLOSED",
    "CHANGE_INCREASED",
    "CHANGE_DECREASED",
    "CHANGE_REPRICED",
  ],
  Reason: [
    "REASON_UNSPECIFIED",
    "REASON_UNKNOWN_INSTRUMENT",
    "REASON_NOT_ENOUGH_SHARES",
    "REASON_NOT_ENOUGH_CASH",
    "REASON_BAD_LOT",
    "REASON_BAD_PRICE",
    "REASON_BAD_QUANTITY",
    "REASON_BAD_SIDE",
    "REASON_TOO_LARGE",
    "REASON_UNKNOWN_EXECUTION",
    "REASON_BUST_BLOCKED",
    "REASON_BAD_CLIENT_ORDER_ID",
    "REASON_TOO_MANY_POSITIONS",
    /** The text of a bust's reason is too long, or not printable UTF-8. */
    "REASON_BAD_BUST_REASON",
    /** The history_id of the request names another history: the server was reset. */
    "REASON_HISTORY_RESET",
    /** There are enough shares, but some are frozen for other orders or can't be sold yet. */
    "REASON_NOT_ENOUGH_SELLABLE",
    /** The price is not a multiple of the tick. */
    "REASON_BAD_TICK",
    "REASON_OUTSIDE_BAND",
    "REASON_MARKET_CLOSED",
    "REASON_HALTED",
    "REASON_BAD_ORDER_TYPE",
    "REASON_BAD_TIME_IN_FORCE",
    "REASON_BAD_EXPIRY",
    "REASON_TOO_MANY_ORDERS",
    "REASON_TOO_MANY_CLIENT_ORDER_IDS",
    "REASON_UNKNOWN_ORDER",
    /** The order no longer works: it is filled, cancelled or expired. */
    "REASON_TOO_LATE",
    /** Another cancel or replace of the order is on its way. */
    "REASON_CANCEL_PENDING",
    /** The execution is from before the account was reset. */
    "REASON_BEFORE_RESET",
    /** The execution is busted, so it can't be corrected. */
    "REASON_BUSTED",
    /** A correction would make the order filled beyond its quantity. */
    "REASON_OVERFILLED",
    "REASON_BAD_AMOUNT",
    /** Rejected on demand: by a script, a directive or a preset. */
    "REASON_SIMULATED",
    "REASON_BAD_DIRECTIVE",
    /** The clock runs by itself: only a stepped one can be stepped. */
    "REASON_NOT_STEPPED",
    "REASON_UNKNOWN_CUSTOMER",
    /** The seed file can't be read, or can't be applied to the running server. */
    "REASON_BAD_SEED",
  ],
  NoticeCode: [
    "NOTICE_CODE_UNSPECIFIED",
    "NOTICE_CODE_MALFORMED",
    "NOTICE_CODE_TOO_LARGE",
    "NOTICE_CODE_TOO_MANY_CONNECTIONS",
    "NOTICE_CODE_OVERLOADED",
    "NOTICE_CODE_SLOW_CONSUMER",
    "NOTICE_CODE_SHUTTING_DOWN",
    "NOTICE_CODE_INTERNAL",
    "NOTICE_CODE_IDLE",
    "NOTICE_CODE_UNAVAILABLE",
    /** The first frame, the rest of a frame, or the login came too late. */
    "NOTICE_CODE_TIMEOUT",
    "NOTICE_CODE_TOO_MANY_FROM_ADDRESS",
    /** The credential of the login was revoked. */
    "NOTICE_CODE_REVOKED",
  ],
  ChatAction: [
    /** Send the text to everybody in the room. The sender joins the room first. */
    "CHAT_ACTION_UNSPECIFIED",
    "CHAT_ACTION_JOIN",
    "CHAT_ACTION_LEAVE",
    /** List who is in the room. */
    "CHAT_ACTION_WHO",
  ],
  ChatEvent: [
    /** Somebody has sent the text. */
    "CHAT_EVENT_UNSPECIFIED",
    "CHAT_EVENT_JOINED",
    "CHAT_EVENT_LEFT",
  ],
  SnapshotReason: [
    /** The login resumed, or did not ask to. */
    "SNAPSHOT_REASON_UNSPECIFIED",
    /** The request names no history: resume_from can't be used without history_id. */
    "SNAPSHOT_REASON_NO_HISTORY_ID",
    /** The server was reset: history_id names another history. */
    "SNAPSHOT_REASON_HISTORY_RESET",
    /** Too many pushes were missed. */
    "SNAPSHOT_REASON_TOO_OLD",
    /** The account has not reached resume_from. */
    "SNAPSHOT_REASON_AHEAD",
  ],
  FixFault: [
    /** All faults end, and what is held back follows. */
    "FIX_FAULT_UNSPECIFIED",
    /** The next messages are not sent. Their numbers are used. */
    "FIX_FAULT_DROP",
    /** The next messages, and those after them, are held back for a time. */
    "FIX_FAULT_DELAY",
    /** The numbers after the next messages are left out. */
    "FIX_FAULT_SKIP",
    /** The CheckSum of the next messages is wrong. */
    "FIX_FAULT_CHECK_SUM",
    /** The BodyLength of the next messages is wrong, their CheckSum right. */
    "FIX_FAULT_BODY_LENGTH",
    /** The next messages have PossDupFlag, though they are sent for the first time. */
    "FIX_FAULT_POSS_DUP",
    /** The next messages are sent twice, the second time with PossDupFlag. */
    "FIX_FAULT_REPEAT",
    /** The next messages are sent after the ones that follow them. */
    "FIX_FAULT_SWAP",
    /** Half of the next message is sent, then the connection is closed. */
    "FIX_FAULT_CUT",
    /** The next orders and other application messages of the client are answered with a Reject. */
    "FIX_FAULT_REJECT",
    /** A Logout is sent at once. */
    "FIX_FAULT_LOGOUT",
    /** The connection is closed at once, without a Logout. */
    "FIX_FAULT_DISCONNECT",
  ],
  AccountChange: [
    "ACCOUNT_CHANGE_UNSPECIFIED",
    "ACCOUNT_CHANGE_DEPOSIT",
    "ACCOUNT_CHANGE_WITHDRAWAL",
    /**
     * The account is as when it was opened: the client discards its positions and requests
     * them again.
     */
    "ACCOUNT_CHANGE_RESET",
  ],
} as const;

export type Side = (typeof enums.Side)[number];

export type OrderType = (typeof enums.OrderType)[number];

export type TimeInForce = (typeof enums.TimeInForce)[number];

/** An order that is refused has no state: the reply says why, and nothing is stored. */
export type OrderStatus = (typeof enums.OrderStatus)[number];

/** Why an order has changed, where its state does not say it. */
export type OrderCause = (typeof enums.OrderCause)[number];

/** Which executions History returns. */
export type ExecutionState = (typeof enums.ExecutionState)[number];

/** How a position changed. */
export type Change = (typeof enums.Change)[number];

/** Why a business rule refused a request. Only with result REJECTED. */
export type Reason = (typeof enums.Reason)[number];

/** Codes of the Notice push. */
export type NoticeCode = (typeof enums.NoticeCode)[number];

/** What a Chat request does in its room. */
export type ChatAction = (typeof enums.ChatAction)[number];

/** What a ChatMessage tells. */
export type ChatEvent = (typeof enums.ChatEvent)[number];

/** Why a login that names a push to resume from gets a snapshot. */
export type SnapshotReason = (typeof enums.SnapshotReason)[number];

/** How a FIX session misbehaves. */
export type FixFault = (typeof enums.FixFault)[number];

/** What has happened to an account. */
export type AccountChange = (typeof enums.AccountChange)[number];

export interface Instrument {
  market: string;
  code: string;
  name: string;
  lotSize: bigint;
  priceTick: bigint;
  lastPrice: bigint;
  /** The smallest quantity of a buy; more must be a multiple of lot_size above it. */
  minimumLot: bigint;
  /** The band of today's prices; 0 without one. */
  lowPrice: bigint;
  highPrice: bigint;
  halted: boolean;
}

export interface Position {
  market: string;
  code: string;
  quantity: bigint;
  averageCost: bigint;
  lastPrice: bigint;
  marketValue: bigint;
  realisedProfit: bigint;
  unrealisedProfit: bigint;
  /** Shares that a new order can sell now. */
  sellable: bigint;
  /** Shares that are frozen for working sells. */
  frozen: bigint;
}

export interface Account {
  customer: number;
  name: string;
  cash: bigint;
  marketValue: bigint;
  realisedProfit: bigint;
  operator: boolean;
  /**
   * Cash that a new order can spend: cash - frozen_cash - unsettled_cash. It may be negative
   * after a bust.
   */
  freeCash: bigint;
  /** Cash that is frozen for working buys. */
  frozenCash: bigint;
  /** Proceeds of sells that can't be spent yet. */
  unsettledCash: bigint;
  /** Fees of buys, which are in no cost and no profit. */
  fees: bigint;
  /** Deposits minus withdrawals. */
  deposits: bigint;
  workingOrders: number;
  /** The customer has the viewer role: it may read every account, and change nothing. */
  viewer: boolean;
}

export interface Order {
  orderId: bigint;
  clientOrderId: string;
  customer: number;
  side: Side;
  market: string;
  code: string;
  type: OrderType;
  timeInForce: TimeInForce;
  quantity: bigint;
  /** The limit; 0 without one. */
  price: bigint;
  stopPrice: bigint;
  status: OrderStatus;
  filled: bigint;
  /** What is left to execute; 0 unless the order works. */
  leaves: bigint;
  /** Of the executions; 0 without any. */
  averagePrice: bigint;
  /** When it was accepted. */
  time: bigint;
  /** When it expires; 0: never. */
  expires: bigint;
  /** A stop order whose stop price was reached. */
  triggered: boolean;
  cause: OrderCause;
}

export interface Execution {
  executionId: bigint;
  orderId: bigint;
  customer: number;
  clientOrderId: string;
  side: Side;
  market: string;
  code: string;
  quantity: bigint;
  price: bigint;
  time: bigint;
  busted: boolean;
  bustReason: string;
  fee: bigint;
  /** The execution that this one replaces; 0: none. */
  corrects: bigint;
  /** The execution that replaces this one, which then counts as busted; 0: none. */
  correctedBy: bigint;
}

/** The body of every reply whose result is neither OK nor DUPLICATE. */
export interface ErrorBody {
  reason: Reason;
  message: string;
  /** With BUST_BLOCKED: the sells to bust first, at most 20, oldest first. */
  blockingExecutionIds: bigint[];
  /** With TOO_LATE and CANCEL_PENDING: the order as it is. */
  order?: Order;
}

export interface ConnReply {
  uid: bigint;
  heartbeatInterval: bigint;
  serverVersion: string;
  /**
   * 16 random bytes that name the server's history. Push numbers, execution ids and
   * client order ids belong to it.
   */
  historyId: string;
}

export interface LoginRequest {
  customer: number;
  password?: string;
  token?: string;
  /** The session id of ConnReply; 0 skips the check. */
  uid: bigint;
  /** The number of the last push that the client applied; 0: send a snapshot. */
  resumeFrom: bigint;
  /** The history that resume_from belongs to, as ConnReply and LoginReply name it. */
  historyId: string;
}

export interface LoginReply {
  account?: Account;
  positions: Position[];
  /** The next push has this number plus 1. */
  pushSequence: bigint;
  /**
   * True: the missed pushes follow this reply. It has no positions, and
   * push_sequence is the resume_from of the request.
   * False: this reply is a snapshot. It replaces everything that the client shows.
   */
  resumed: boolean;
  /** As in ConnReply. */
  historyId: string;
  snapshotReason: SnapshotReason;
  /** True: this is the first page of the positions; Positions returns the others. */
  morePositions: boolean;
}

export interface PositionsRequest {
  /** Positions in the reply: 1 to 1000; 0 means 1000. */
  limit: number;
  /** The last position of the page before; unset starts with the first. */
  after?: InstrumentKey;
  /** 0 means your own. Only an operator or a viewer may request another customer's positions. */
  customer: number;
}

export interface PositionsReply {
  account?: Account;
  positions: Position[];
  /** Of all positions, not only of this page. */
  marketValue: bigint;
  pushSequence: bigint;
  /** True: further pages follow the last position of this one. */
  more: boolean;
}

export interface PlaceOrderRequest {
  /** At most 36 bytes of UTF-8 without NUL. Without it, a retry is a new order. */
  clientOrderId: string;
  side: Side;
  market: string;
  code: string;
  quantity: bigint;
  /** The limit; 0 = market order. */
  price: bigint;
  /**
   * The history in which this client_order_id was first sent, as ConnReply names it.
   * After a reset of the server, a retry is then rejected with HISTORY_RESET instead
   * of executed again. Empty: no such check.
   */
  historyId: string;
  type: OrderType;
  timeInForce: TimeInForce;
  stopPrice: bigint;
  /** With GOOD_TILL_DATE: when the order expires. */
  expires: bigint;
}

export interface PlaceOrderReply {
  orderId: bigint;
  status: OrderStatus;
  executions: Execution[];
  /**
   * The position after the last execution; quantity 0 if it is closed. Unset without
   * executions, and if the answer to a retry comes from the history.
   */
  position?: Position;
  filled: bigint;
  /** What works on. */
  leaves: bigint;
  averagePrice: bigint;
  cause: OrderCause;
}

/** One order by its id, its client order id, or all that match. */
export interface CancelOrderRequest {
  orderId: bigint;
  clientOrderId: string;
  /** Cancel all working orders: of the instrument, if there is one. */
  all: boolean;
  market: string;
  code: string;
  /** 0 means your own. Only an operator may cancel another customer's orders. */
  customer: number;
  /** Only for operators, with all: of all customers. */
  everyone: boolean;
  /** The history that order_id belongs to; see HistoryRequest. */
  historyId: string;
}

export interface CancelOrderReply {
  /** The order after its cancellation; unset with all. */
  order?: Order;
  /** How many orders were cancelled. */
  count: number;
}

export interface ReplaceOrderRequest {
  orderId: bigint;
  /** The order's present client order id, instead of order_id. */
  clientOrderId: string;
  /** The order's new client order id, which makes a retry harmless. Empty: it stays. */
  newClientOrderId: string;
  /** The new quantity, with what is filled already. 0: it stays; so with the others. */
  quantity: bigint;
  price: bigint;
  stopPrice: bigint;
  timeInForce: TimeInForce;
  expires: bigint;
  historyId: string;
}

export interface ReplaceOrderReply {
  order?: Order;
  /** If the order could be executed at once. */
  executions: Execution[];
  /** The position after the last execution; unset without executions. */
  position?: Position;
}

/**
 * One order by its id or client order id, a page of the working orders, or with history a page
 * of all orders.
 */
export interface OrdersRequest {
  orderId: bigint;
  clientOrderId: string;
  /** Orders in the reply: 1 to 1000; 0 means 1000. */
  limit: number;
  /** The last order of the page before; 0 starts with the first. */
  afterOrderId: bigint;
  /** 0 means your own. Only an operator or a viewer may request another customer's orders. */
  customer: number;
  historyId: string;
  /** Also the orders that no longer work, newest first. The fields below need it. */
  history: boolean;
  /** Only orders older than this one; 0 starts at the newest. */
  beforeOrderId: bigint;
  /** Only orders that match all of these. Both empty: of all instruments. */
  market: string;
  code: string;
  /** 0: both sides. */
  side: Side;
  /** When the order was accepted: from_time <= time < to_time; 0: no bound. */
  fromTime: bigint;
  toTime: bigint;
  /** Empty: all. */
  statuses: OrderStatus[];
}

export interface OrdersReply {
  /** In the order of their ids; with history newest first. */
  orders: Order[];
  more: boolean;
  /** The last push that the orders include. */
  pushSequence: bigint;
  /** With history: before_order_id of the next page; 0: this is the last one. */
  nextBeforeOrderId: bigint;
}

export interface HistoryRequest {
  /** Only executions older than this one; 0 starts at the newest. */
  beforeExecutionId: bigint;
  /** 1 to 1000; 0 means 100. */
  limit: number;
  /** 0 means your own. Only an operator or a viewer may request another customer's history. */
  customer: number;
  market: string;
  code: string;
  /**
   * The history that before_execution_id belongs to, as ConnReply names it; another one
   * is rejected with HISTORY_RESET. Empty: no such check.
   */
  historyId: string;
  /** Only executions that match all of these. 0: both sides. */
  side: Side;
  /** from_time <= time < to_time; 0: no bound. */
  fromTime: bigint;
  toTime: bigint;
  state: ExecutionState;
}

export interface HistoryReply {
  /** Newest first. */
  executions: Execution[];
  more: boolean;
  /**
   * before_execution_id of the next page; 0: this is the last one. A page can be short, or
   * have no execution, and yet not be the last one.
   */
  nextBeforeExecutionId: bigint;
}

export interface InstrumentKey {
  market: string;
  code: string;
}

export interface QuotesRequest {
  /** Empty means all instruments. */
  instruments: InstrumentKey[];
  /**
   * True: push the price changes of these instruments, and of no others.
   * False: end the subscription.
   */
  subscribe: boolean;
  /** Instruments in the reply: 1 to 1000; 0 means 1000. The subscription has no pages. */
  limit: number;
  /** The last instrument of the page before; unset starts with the first. */
  after?: InstrumentKey;
}

export interface QuotesReply {
  instruments: Instrument[];
  /** True: further pages follow the last instrument of this one. */
  more: boolean;
}

export interface BustRequest {
  executionId: bigint;
  reason: string;
  /** The history that execution_id belongs to; see HistoryRequest. */
  historyId: string;
  /** Let the order work again for the quantity. */
  reopen: boolean;
  /** Bust the later sells, too, that would lack shares. */
  cascade: boolean;
  /** Change nothing: the reply lists what would change. */
  dryRun: boolean;
  /**
   * Instead of execution_id: all executions of an instrument in a span of time, of one
   * customer or of all (0).
   */
  market: string;
  code: string;
  from: bigint;
  /** Exclusive. */
  to: bigint;
  customer: number;
}

export interface BustReply {
  execution?: Execution;
  /** After the bust; unset if several accounts are concerned. */
  position?: Position;
  /** All that were busted, oldest first, at most 1000 of them. */
  executions: Execution[];
  /** How many were busted, and in how many accounts. */
  count: number;
  accounts: number;
  /** Accounts in which the bust was refused, at most 1000 of them. */
  refused: BustRefusal[];
}

export interface BustRefusal {
  customer: number;
  error?: ErrorBody;
}

export interface CorrectRequest {
  executionId: bigint;
  quantity: bigint;
  price: bigint;
  reason: string;
  historyId: string;
  /** Change nothing: the reply says what would change. */
  dryRun: boolean;
}

export interface CorrectReply {
  busted?: Execution;
  replacement?: Execution;
  position?: Position;
  order?: Order;
}

/** A command of operators. Only one of the fields is set. */
export interface OperateRequest {
  halt?: HaltCommand;
  resume?: HaltCommand;
  jump?: JumpCommand;
  step?: StepCommand;
  deposit?: CashCommand;
  withdraw?: CashCommand;
  reset?: CashCommand;
  fill?: FillCommand;
  reject?: RejectCommand;
  disconnect?: DisconnectCommand;
  holdPushes?: HoldCommand;
  clock?: ClockCommand;
  customers?: CustomersCommand;
  reload?: ReloadCommand;
  audit?: AuditCommand;
  fixFault?: FixFaultCommand;
}

/** Halts an instrument, or a whole market if there is no code, or resumes it. */
export interface HaltCommand {
  market: string;
  code: string;
}

/** Moves the last price at once. */
export interface JumpCommand {
  market: string;
  code: string;
  price: bigint;
}

/** Moves a stepped clock on by nanoseconds. */
export interface StepCommand {
  duration: bigint;
}

/** Adds or takes out cash, or resets an account. */
export interface CashCommand {
  customer: number;
  amount: bigint;
  /** A comment for the customer. */
  text: string;
}

/** Executes a working order, or a part of it. */
export interface FillCommand {
  orderId: bigint;
  /** 0: all that is left. */
  quantity: bigint;
  /** 0: the last price. */
  price: bigint;
  /** Execute an order that no longer works, as if the execution had crossed its cancellation. */
  late: boolean;
  historyId: string;
}

/** Rejects the next orders of a customer. */
export interface RejectCommand {
  customer: number;
  /** 0: stop rejecting. */
  count: number;
  /** UNSPECIFIED means SIMULATED. */
  reason: Reason;
}

/** Closes all connections of a customer. */
export interface DisconnectCommand {
  customer: number;
  /** Once this push was sent; 0: at once. */
  afterPush: bigint;
}

/** Holds the pushes to a customer for some nanoseconds; then all of them follow. */
export interface HoldCommand {
  customer: number;
  duration: bigint;
}

/** Makes the FIX sessions of a customer misbehave. */
export interface FixFaultCommand {
  customer: number;
  /** The CompID of one session; empty: all of the customer. */
  session: string;
  fault: FixFault;
  /** How many messages; 0 ends this fault. */
  count: number;
  /** Of DELAY, in nanoseconds. */
  delay: bigint;
}

/** Only reads the clock. */
export interface ClockCommand {
}

/** Lists the customers. */
export interface CustomersCommand {
  /** Customers in the reply: 1 to 1000; 0 means 1000. */
  limit: number;
  /** The last customer of the page before; 0 starts with the first. */
  after: number;
}

/** A customer, as the seed has it. */
export interface Customer {
  customer: number;
  name: string;
  operator: boolean;
  viewer: boolean;
}

/** Makes the server read its seed file again, as the signal SIGHUP does. */
export interface ReloadCommand {
}

/** What a reload has changed. */
export interface Reloaded {
  newInstruments: number;
  newCustomers: number;
  /** Customers that the seed file lacks: they can't log in. */
  withdrawnCustomers: number;
  changedCredentials: number;
  /** Customers with another name, role or credential, or that are withdrawn. */
  changedCustomers: number;
  /** Sessions that were ended because their credential was replaced or removed. */
  endedSessions: number;
  /** The first 1000 instruments whose name, lot, depth or last price applies at the next start. */
  later: InstrumentKey[];
}

/** Lists what operators have commanded, newest first. */
export interface AuditCommand {
  /** Entries in the reply: 1 to 1000; 0 means 1000. */
  limit: number;
  /** The last entry of the page before; 0 starts with the newest. */
  before: bigint;
  /** Only commands of this customer; 0 means all. */
  customer: number;
  /** Only commands of this kind, such as deposit; empty means all. */
  command: string;
  /** Only from this time on, and before that one, in Unix nanoseconds; 0: any time. */
  fromTime: bigint;
  toTime: bigint;
}

/** A command of an operator, or of a customer without the role who was refused. */
export interface AuditEntry {
  /** Rises from entry to entry, with gaps. */
  number: bigint;
  /** The server's clock, not that of the market. */
  time: bigint;
  /** Who was logged in. */
  customer: number;
  name: string;
  /** The session id. */
  uid: bigint;
  /** From where, with a port; empty for a socket file. */
  address: string;
  /** What kind of command, such as deposit. */
  command: string;
  /** Its parameters, for people. */
  text: string;
  /** How it was answered: OK, or why not, as in the protocol, such as FORBIDDEN. */
  result: string;
  /** What the answer says, for people. */
  message: string;
  /** Attempts of this customer that were refused since its entry before and have none. */
  unlisted: number;
}

export interface OperateReply {
  /** The time of the market when the command was done. */
  time: bigint;
  /** How many instruments, orders or sessions it has changed. */
  count: number;
  account?: Account;
  order?: Order;
  executions: Execution[];
  position?: Position;
  /** In the order of their numbers. */
  customers: Customer[];
  /** True: further pages follow the last customer or entry of this one. */
  more: boolean;
  reloaded?: Reloaded;
  /** Newest first. */
  entries: AuditEntry[];
}

export interface Notice {
  code: NoticeCode;
  text: string;
}

export interface PositionUpdate {
  change: Change;
  position?: Position;
  rowCount: number;
  marketValue: bigint;
  /** Of the account. */
  cash: bigint;
  frozenCash: bigint;
  unsettledCash: bigint;
}

export interface ExecutionBusted {
  executionId: bigint;
  reason: string;
  position?: Position;
  /** The execution that replaces it, which the next push has; 0: it is only busted. */
  correctedBy: bigint;
}

/** An order has changed. */
export interface OrderUpdate {
  order?: Order;
  time: bigint;
  /** Of the account after the change. */
  cash: bigint;
  frozenCash: bigint;
  /**
   * The position after the change, if frozen shares have changed and the event has no
   * PositionUpdate.
   */
  position?: Position;
  /** Of the account after the change. */
  unsettledCash: bigint;
}

export interface AccountUpdate {
  change: AccountChange;
  /** What was added to the cash; negative for a withdrawal. */
  amount: bigint;
  text: string;
  account?: Account;
  time: bigint;
}

export interface Quote {
  market: string;
  code: string;
  lastPrice: bigint;
  time: bigint;
}

export interface ChatRequest {
  /** At most 64 bytes of UTF-8; empty means the common room, that of the chat listeners. */
  room: string;
  /** At most 4 KiB. */
  text: string;
  action: ChatAction;
  /** For WHO: members in the reply: 1 to 1000; 0 means 1000. */
  limit: number;
  /** For WHO: the uid of the last member of the page before; 0 starts with the first. */
  after: bigint;
}

/** The body of the reply to WHO. Replies to the other actions have none. */
export interface ChatReply {
  /** In the order of their uids. */
  members: ChatMember[];
  /** Of all members, not only of this page. */
  count: number;
  /** True: further pages follow the last member of this one. */
  more: boolean;
}

export interface ChatMember {
  /** The session id. */
  uid: bigint;
  /** Who is logged in: the customer number. Empty: nobody. */
  sender: string;
  /** Without a port, as on a socket file, 0. */
  address: string;
  port: number;
}

export interface ChatMessage {
  room: string;
  sender: string;
  address: string;
  port: number;
  text: string;
  event: ChatEvent;
  time: bigint;
  /** True: it was sent before the session joined. */
  earlier: boolean;
}

/** The messages by name. */
export interface Messages {
  Instrument: Instrument;
  Position: Position;
  Account: Account;
  Order: Order;
  Execution: Execution;
  ErrorBody: ErrorBody;
  ConnReply: ConnReply;
  LoginRequest: LoginRequest;
  LoginReply: LoginReply;
  PositionsRequest: PositionsRequest;
  PositionsReply: PositionsReply;
  PlaceOrderRequest: PlaceOrderRequest;
  PlaceOrderReply: PlaceOrderReply;
  CancelOrderRequest: CancelOrderRequest;
  CancelOrderReply: CancelOrderReply;
  ReplaceOrderRequest: ReplaceOrderRequest;
  ReplaceOrderReply: ReplaceOrderReply;
  OrdersRequest: OrdersRequest;
  OrdersReply: OrdersReply;
  HistoryRequest: HistoryRequest;
  HistoryReply: HistoryReply;
  InstrumentKey: InstrumentKey;
  QuotesRequest: QuotesRequest;
  QuotesReply: QuotesReply;
  BustRequest: BustRequest;
  BustReply: BustReply;
  BustRefusal: BustRefusal;
  CorrectRequest: CorrectRequest;
  CorrectReply: CorrectReply;
  OperateRequest: OperateRequest;
  HaltCommand: HaltCommand;
  JumpCommand: JumpCommand;
  StepCommand: StepCommand;
  CashCommand: CashCommand;
  FillCommand: FillCommand;
  RejectCommand: RejectCommand;
  DisconnectCommand: DisconnectCommand;
  HoldCommand: HoldCommand;
  FixFaultCommand: FixFaultCommand;
  ClockCommand: ClockCommand;
  CustomersCommand: CustomersCommand;
  Customer: Customer;
  ReloadCommand: ReloadCommand;
  Reloaded: Reloaded;
  AuditCommand: AuditCommand;
  AuditEntry: AuditEntry;
  OperateReply: OperateReply;
  Notice: Notice;
  PositionUpdate: PositionUpdate;
  ExecutionBusted: ExecutionBusted;
  OrderUpdate: OrderUpdate;
  AccountUpdate: AccountUpdate;
  Quote: Quote;
  ChatRequest: ChatRequest;
  ChatReply: ChatReply;
  ChatMember: ChatMember;
  ChatMessage: ChatMessage;
}

/**
 * What each field holds: a scalar, or an enum or a message by its name; with [] if it is a list,
 * with ? if it may be unset. 64-bit integers are bigint, bytes a string in base64.
 */
export const fields = {
  Instrument: {
    market: "string",
    code: "string",
    name: "string",
    lotSize: "bigint",
    priceTick: "bigint",
    lastPrice: "bigint",
    minimumLot: "bigint",
    lowPrice: "bigint",
    highPrice: "bigint",
    halted: "boolean",
  },
  Position: {
    market: "string",
    code: "string",
    quantity: "bigint",
    averageCost: "bigint",
    lastPrice: "bigint",
    marketValue: "bigint",
    realisedProfit: "bigint",
    unrealisedProfit: "bigint",
    sellable: "bigint",
    frozen: "bigint",
  },
  Account: {
    customer: "number",
    name: "string",
    cash: "bigint",
    marketValue: "bigint",
    realisedProfit: "bigint",
    operator: "boolean",
    freeCash: "bigint",
    frozenCash: "bigint",
    unsettledCash: "bigint",
    fees: "bigint",
    deposits: "bigint",
    workingOrders: "number",
    viewer: "boolean",
  },
  Order: {
    orderId: "bigint",
    clientOrderId: "string",
    customer: "number",
    side: "Side",
    market: "string",
    code: "string",
    type: "OrderType",
    timeInForce: "TimeInForce",
    quantity: "bigint",
    price: "bigint",
    stopPrice: "bigint",
    status: "OrderStatus",
    filled: "bigint",
    leaves: "bigint",
    averagePrice: "bigint",
    time: "bigint",
    expires: "bigint",
    triggered: "boolean",
    cause: "OrderCause",
  },
  Execution: {
    executionId: "bigint",
    orderId: "bigint",
    customer: "number",
    clientOrderId: "string",
    side: "Side",
    market: "string",
    code: "string",
    quantity: "bigint",
    price: "bigint",
    time: "bigint",
    busted: "boolean",
    bustReason: "string",
    fee: "bigint",
    corrects: "bigint",
    correctedBy: "bigint",
  },
  ErrorBody: {
    reason: "Reason",
    message: "string",
    blockingExecutionIds: "bigint[]",
    order: "Order?",
  },
  ConnReply: {
    uid: "bigint",
    heartbeatInterval: "bigint",
    serverVersion: "string",
    historyId: "string",
  },
  LoginRequest: {
    customer: "number",
    password: "string?",
    token: "string?",
    uid: "bigint",
    resumeFrom: "bigint",
    historyId: "string",
  },
  LoginReply: {
    account: "Account?",
    positions: "Position[]",
    pushSequence: "bigint",
    resumed: "boolean",
    historyId: "string",
    snapshotReason: "SnapshotReason",
    morePositions: "boolean",
  },
  PositionsRequest: {
    limit: "number",
    after: "InstrumentKey?",
    customer: "number",
  },
  PositionsReply: {
    account: "Account?",
    positions: "Position[]",
    marketValue: "bigint",
    pushSequence: "bigint",
    more: "boolean",
  },
  PlaceOrderRequest: {
    clientOrderId: "string",
    side: "Side",
    market: "string",
    code: "string",
    quantity: "bigint",
    price: "bigint",
    historyId: "string",
    type: "OrderType",
    timeInForce: "TimeInForce",
    stopPrice: "bigint",
    expires: "bigint",
  },
  PlaceOrderReply: {
    orderId: "bigint",
    status: "OrderStatus",
    executions: "Execution[]",
    position: "Position?",
    filled: "bigint",
    leaves: "bigint",
    averagePrice: "bigint",
    cause: "OrderCause",
  },
  CancelOrderRequest: {
    orderId: "bigint",
    clientOrderId: "string",
    all: "boolean",
    market: "string",
    code: "string",
    customer: "number",
    everyone: "boolean",
    historyId: "string",
  },
  CancelOrderReply: {
    order: "Order?",
    count: "number",
  },
  ReplaceOrderRequest: {
    orderId: "bigint",
    clientOrderId: "string",
    newClientOrderId: "string",
    quantity: "bigint",
    price: "bigint",
    stopPrice: "bigint",
    timeInForce: "TimeInForce",
    expires: "bigint",
    historyId: "string",
  },
  ReplaceOrderReply: {
    order: "Order?",
    executions: "Execution[]",
    position: "Position?",
  },
  OrdersRequest: {
    orderId: "bigint",
    clientOrderId: "string",
    limit: "number",
    afterOrderId: "bigint",
    customer: "number",
    historyId: "string",
    history: "boolean",
    beforeOrderId: "bigint",
    market: "string",
    code: "string",
    side: "Side",
    fromTime: "bigint",
    toTime: "bigint",
    statuses: "OrderStatus[]",
  },
  OrdersReply: {
    orders: "Order[]",
    more: "boolean",
    pushSequence: "bigint",
    nextBeforeOrderId: "bigint",
  },
  HistoryRequest: {
    beforeExecutionId: "bigint",
    limit: "number",
    customer: "number",
    market: "string",
    code: "string",
    historyId: "string",
    side: "Side",
    fromTime: "bigint",
    toTime: "bigint",
    state: "ExecutionState",
  },
  HistoryReply: {
    executions: "Execution[]",
    more: "boolean",
    nextBeforeExecutionId: "bigint",
  },
  InstrumentKey: {
    market: "string",
    code: "string",
  },
  QuotesRequest: {
    instruments: "InstrumentKey[]",
    subscribe: "boolean",
    limit: "number",
    after: "InstrumentKey?",
  },
  QuotesReply: {
    instruments: "Instrument[]",
    more: "boolean",
  },
  BustRequest: {
    executionId: "bigint",
    reason: "string",
    historyId: "string",
    reopen: "boolean",
    cascade: "boolean",
    dryRun: "boolean",
    market: "string",
    code: "string",
    from: "bigint",
    to: "bigint",
    customer: "number",
  },
  BustReply: {
    execution: "Execution?",
    position: "Position?",
    executions: "Execution[]",
    count: "number",
    accounts: "number",
    refused: "BustRefusal[]",
  },
  BustRefusal: {
    customer: "number",
    error: "ErrorBody?",
  },
  CorrectRequest: {
    executionId: "bigint",
    quantity: "bigint",
    price: "bigint",
    reason: "string",
    historyId: "string",
    dryRun: "boolean",
  },
  CorrectReply: {
    busted: "Execution?",
    replacement: "Execution?",
    position: "Position?",
    order: "Order?",
  },
  OperateRequest: {
    halt: "HaltCommand?",
    resume: "HaltCommand?",
    jump: "JumpCommand?",
    step: "StepCommand?",
    deposit: "CashCommand?",
    withdraw: "CashCommand?",
    reset: "CashCommand?",
    fill: "FillCommand?",
    reject: "RejectCommand?",
    disconnect: "DisconnectCommand?",
    holdPushes: "HoldCommand?",
    clock: "ClockCommand?",
    customers: "CustomersCommand?",
    reload: "ReloadCommand?",
    audit: "AuditCommand?",
    fixFault: "FixFaultCommand?",
  },
  HaltCommand: {
    market: "string",
    code: "string",
  },
  JumpCommand: {
    market: "string",
    code: "string",
    price: "bigint",
  },
  StepCommand: {
    duration: "bigint",
  },
  CashCommand: {
    customer: "number",
    amount: "bigint",
    text: "string",
  },
  FillCommand: {
    orderId: "bigint",
    quantity: "bigint",
    price: "bigint",
    late: "boolean",
    historyId: "string",
  },
  RejectCommand: {
    customer: "number",
    count: "number",
    reason: "Reason",
  },
  DisconnectCommand: {
    customer: "number",
    afterPush: "bigint",
  },
  HoldCommand: {
    customer: "number",
    duration: "bigint",
  },
  FixFaultCommand: {
    customer: "number",
    session: "string",
    fault: "FixFault",
    count: "number",
    delay: "bigint",
  },
  ClockCommand: {
  },
  CustomersCommand: {
    limit: "number",
    after: "number",
  },
  Customer: {
    customer: "number",
    name: "string",
    operator: "boolean",
    viewer: "boolean",
  },
  ReloadCommand: {
  },
  Reloaded: {
    newInstruments: "number",
    newCustomers: "number",
    withdrawnCustomers: "number",
    changedCredentials: "number",
    changedCustomers: "number",
    endedSessions: "number",
    later: "InstrumentKey[]",
  },
  AuditCommand: {
    limit: "number",
    before: "bigint",
    customer: "number",
    command: "string",
    fromTime: "bigint",
    toTime: "bigint",
  },
  AuditEntry: {
    number: "bigint",
    time: "bigint",
    customer: "number",
    name: "string",
    uid: "bigint",
    address: "string",
    command: "string",
    text: "string",
    result: "string",
    message: "string",
    unlisted: "number",
  },
  OperateReply: {
    time: "bigint",
    count: "number",
    account: "Account?",
    order: "Order?",
    executions: "Execution[]",
    position: "Position?",
    customers: "Customer[]",
    more: "boolean",
    reloaded: "Reloaded?",
    entries: "AuditEntry[]",
  },
  Notice: {
    code: "NoticeCode",
    text: "string",
  },
  PositionUpdate: {
    change: "Change",
    position: "Position?",
    rowCount: "number",
    marketValue: "bigint",
    cash: "bigint",
    frozenCash: "bigint",
    unsettledCash: "bigint",
  },
  ExecutionBusted: {
    executionId: "bigint",
    reason: "string",
    position: "Position?",
    correctedBy: "bigint",
  },
  OrderUpdate: {
    order: "Order?",
    time: "bigint",
    cash: "bigint",
    frozenCash: "bigint",
    position: "Position?",
    unsettledCash: "bigint",
  },
  AccountUpdate: {
    change: "AccountChange",
    amount: "bigint",
    text: "string",
    account: "Account?",
    time: "bigint",
  },
  Quote: {
    market: "string",
    code: "string",
    lastPrice: "bigint",
    time: "bigint",
  },
  ChatRequest: {
    room: "string",
    text: "string",
    action: "ChatAction",
    limit: "number",
    after: "bigint",
  },
  ChatReply: {
    members: "ChatMember[]",
    count: "number",
    more: "boolean",
  },
  ChatMember: {
    uid: "bigint",
    sender: "string",
    address: "string",
    port: "number",
  },
  ChatMessage: {
    room: "string",
    sender: "string",
    address: "string",
    port: "number",
    text: "string",
    event: "ChatEvent",
    time: "bigint",
    earlier: "boolean",
  },
} as const;

/** The commands, with the messages in their requests and replies. */
export const requests = {
  Conn: { request: "", reply: "ConnReply" },
  Submit: { request: "", reply: "" },
  Heartbeat: { request: "", reply: "" },
  Login: { request: "LoginRequest", reply: "LoginReply" },
  Logout: { request: "", reply: "" },
  Positions: { request: "PositionsRequest", reply: "PositionsReply" },
  PlaceOrder: { request: "PlaceOrderRequest", reply: "PlaceOrderReply" },
  CancelOrder: { request: "CancelOrderRequest", reply: "CancelOrderReply" },
  History: { request: "HistoryRequest", reply: "HistoryReply" },
  Quotes: { request: "QuotesRequest", reply: "QuotesReply" },
  Chat: { request: "ChatRequest", reply: "ChatReply" },
  Bust: { request: "BustRequest", reply: "BustReply" },
  ReplaceOrder: { request: "ReplaceOrderRequest", reply: "ReplaceOrderReply" },
  Orders: { request: "OrdersRequest", reply: "OrdersReply" },
  Correct: { request: "CorrectRequest", reply: "CorrectReply" },
  Operate: { request: "OperateRequest", reply: "OperateReply" },
} as const;

/** The pushes, with their messages. */
export const pushes = {
  HeartbeatPush: "",
  Notice: "Notice",
  PositionUpdate: "PositionUpdate",
  Execution: "Execution",
  ExecutionBusted: "ExecutionBusted",
  Quote: "Quote",
  ChatMessage: "ChatMessage",
  OrderUpdate: "OrderUpdate",
  AccountUpdate: "AccountUpdate",
} as const;

/** The results of replies. */
export const results = [
  "OK",
  "FAILED",
  "MALFORMED",
  "UNKNOWN_COMMAND",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "REJECTED",
  "OVERLOADED",
  "UNAVAILABLE",
  "TOO_LARGE",
  "DUPLICATE",
] as const;

export type Result = (typeof results)[number];
