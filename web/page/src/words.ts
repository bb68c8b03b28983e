// What the enums of the protocol mean, in sentences.

/** Each reason of a refusal. The message of the server, which has the figures, follows. */
export const reasons: Record<string, string> = {
  REASON_UNKNOWN_INSTRUMENT: 'There is no such instrument.',
  REASON_NOT_ENOUGH_SHARES: 'You hold fewer shares than this would sell.',
  REASON_NOT_ENOUGH_CASH: 'There is not enough free cash.',
  REASON_BAD_LOT: 'The quantity does not fit the lots of the instrument.',
  REASON_BAD_PRICE: 'A price is missing, is not wanted for this type, or the stop price is reached already.',
  REASON_BAD_QUANTITY: 'The quantity must be above 0.',
  REASON_BAD_SIDE: 'The side must be buy or sell.',
  REASON_TOO_LARGE: 'This is larger than an account may have.',
  REASON_UNKNOWN_EXECUTION: 'There is no such execution.',
  REASON_BUST_BLOCKED: 'Later sells would lack shares: bust those first, or with them.',
  REASON_BAD_CLIENT_ORDER_ID: 'The client order id is not valid, or was used before.',
  REASON_TOO_MANY_POSITIONS: 'The account has as many positions as it may have.',
  REASON_BAD_BUST_REASON: 'The text must be at most 120 bytes of printable characters.',
  REASON_HISTORY_RESET: 'The server was reset meanwhile: look at your positions before you send it again.',
  REASON_NOT_ENOUGH_SELLABLE: 'You hold enough shares, but some are frozen for other orders or not settled yet.',
  REASON_BAD_TICK: 'The price is not a multiple of the tick.',
  REASON_OUTSIDE_BAND: 'The price is outside the price band of the day.',
  REASON_MARKET_CLOSED: 'The market is closed.',
  REASON_HALTED: 'Trading of this instrument is halted.',
  REASON_BAD_ORDER_TYPE: 'This server does not have this type of order.',
  REASON_BAD_TIME_IN_FORCE: 'This time in force does not go with this type of order.',
  REASON_BAD_EXPIRY: 'The expiry must be in the future.',
  REASON_TOO_MANY_ORDERS: 'The account has as many working orders as it may have.',
  REASON_TOO_MANY_CLIENT_ORDER_IDS: 'The account remembers as many client order ids as it may.',
  REASON_UNKNOWN_ORDER: 'There is no such order.',
  REASON_TOO_LATE: 'Too late: the order no longer works.',
  REASON_CANCEL_PENDING: 'Another cancel or replace of this order is on its way.',
  REASON_BEFORE_RESET: 'The execution is from before the account was reset.',
  REASON_BUSTED: 'The execution is busted already.',
  REASON_OVERFILLED: 'The order would be filled beyond its quantity.',
  REASON_BAD_AMOUNT: 'The amount is not valid.',
  REASON_SIMULATED: 'Rejected on demand: an operator, a script or a preset of the server wants it so.',
  REASON_BAD_DIRECTIVE: 'A value is wrong, or the directive in the client order id is.',
  REASON_NOT_STEPPED: 'The trading clock runs by itself and can not be stepped.',
  REASON_UNKNOWN_CUSTOMER: 'There is no such customer.',
  REASON_BAD_SEED: 'The seed file was not reloaded; everything is as before.',
};

/** What a result other than OK means when there is no reason. */
export const results: Record<string, string> = {
  FAILED: 'This can not be done.',
  MALFORMED: 'The server does not understand this request of the page. It may be of an older version.',
  UNKNOWN_COMMAND: 'This server does not have this command. It is of an older version.',
  UNAUTHENTICATED: 'You are not logged in.',
  FORBIDDEN: 'You may not do this.',
  REJECTED: 'The server refuses this.',
  OVERLOADED: 'The server has too much to do. Nothing was done; try again later.',
  UNAVAILABLE: 'The server can not do this now. Nothing was done; try again later.',
  TOO_LARGE: 'The answer would be too large.',
};

export const sides: Record<string, string> = { SIDE_BUY: 'Buy', SIDE_SELL: 'Sell' };

export const types: Record<string, string> = {
  ORDER_TYPE_MARKET: 'Market',
  ORDER_TYPE_LIMIT: 'Limit',
  ORDER_TYPE_STOP: 'Stop',
  ORDER_TYPE_STOP_LIMIT: 'Stop limit',
};

export const times: Record<string, { short: string; long: string }> = {
  TIME_IN_FORCE_DAY: { short: 'Day', long: 'until the close of the trading day' },
  TIME_IN_FORCE_GOOD_TILL_CANCELLED: { short: 'GTC', long: 'until cancelled' },
  TIME_IN_FORCE_GOOD_TILL_DATE: { short: 'GTD', long: 'until a date' },
  TIME_IN_FORCE_IMMEDIATE_OR_CANCEL: { short: 'IOC', long: 'at once, the rest is cancelled' },
  TIME_IN_FORCE_FILL_OR_KILL: { short: 'FOK', long: 'all at once, or nothing' },
};

export const statuses: Record<string, string> = {
  ORDER_STATUS_NEW: 'Working',
  ORDER_STATUS_PARTIALLY_FILLED: 'Part filled',
  ORDER_STATUS_FILLED: 'Filled',
  ORDER_STATUS_CANCELLED: 'Cancelled',
  ORDER_STATUS_EXPIRED: 'Expired',
};

/** Why an order changed. */
export const causes: Record<string, string> = {
  ORDER_CAUSE_CLIENT: 'by you or your program',
  ORDER_CAUSE_OPERATOR: 'by an operator or a script',
  ORDER_CAUSE_IMMEDIATE_OR_CANCEL: 'the rest could not be executed at once',
  ORDER_CAUSE_FILL_OR_KILL: 'not all of it could be executed at once',
  ORDER_CAUSE_LIQUIDITY: 'the market offered no more inside the price band',
  ORDER_CAUSE_CASH: 'there was no longer enough cash',
  ORDER_CAUSE_SHARES: 'a bust or a correction took the shares',
  ORDER_CAUSE_BUST: 'one of its executions was busted',
  ORDER_CAUSE_CORRECTION: 'one of its executions was corrected',
  ORDER_CAUSE_RESET: 'the account was reset',
  ORDER_CAUSE_CLOSE: 'the trading day closed',
  ORDER_CAUSE_DATE: 'its date was reached',
  ORDER_CAUSE_STOP_PRICE: 'its stop price was reached',
  ORDER_CAUSE_LIMITS: 'an execution would have exceeded a limit of the account',
};

/** Why a login got a snapshot instead of the missed updates. */
export const snapshots: Record<string, string> = {
  SNAPSHOT_REASON_UNSPECIFIED: 'there was no earlier update to resume from',
  SNAPSHOT_REASON_NO_HISTORY_ID: 'the page did not know the history of the server',
  SNAPSHOT_REASON_HISTORY_RESET: 'the server was reset or restored: what you see is its new state',
  SNAPSHOT_REASON_TOO_OLD: 'more updates were missed than the server remembers',
  SNAPSHOT_REASON_AHEAD: 'the server lost the latest updates: what you see is its state now',
};

/** Unknown values of a newer server are shown by their own name. */
export function word(words: Record<string, string>, name: string | undefined): string {
  if (!name || name.endsWith('_UNSPECIFIED')) return '';
  return words[name] ?? name.replace(/^(SIDE|ORDER_TYPE|ORDER_STATUS|ORDER_CAUSE|REASON|TIME_IN_FORCE|SNAPSHOT_REASON)_/, '').toLowerCase().replace(/_/g, ' ');
}
