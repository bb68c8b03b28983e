import type { ErrorBody, Order, Reason, Result } from "./messages.ts";

/** The server's reply is a refusal or a failure. The message is for people. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly command: string;
  /** Why, for programs. One that this client does not know is "FAILED". */
  readonly result: Result;
  /** With the result REJECTED. */
  readonly reason: Reason;
  readonly body: ErrorBody;

  constructor(command: string, result: Result, body: ErrorBody, message = body.message) {
    super(message || result);
    this.command = command;
    this.result = result;
    this.reason = body.reason;
    this.body = body;
  }

  /** The order as it is, with TOO_LATE and CANCEL_PENDING. */
  get order(): Order | undefined {
    return this.body.order;
  }
}

/** There is no connection, or it ended before the reply. The request may have been executed. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** No reply came in time. The request may have been executed. */
export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";
}

/** Too many requests have no reply yet. This one was not sent. */
export class TooManyRequests extends Error {
  override readonly name = "TooManyRequests";
}

/** For a credential function to throw: there is none any more, so the client closes. */
export class NoCredential extends Error {
  override readonly name = "NoCredential";
}
