export { Account, keyOf, type AccountEvents, type AccountOptions } from "./account.ts";
export {
  Client,
  newClientOrderId,
  type ClientEvents,
  type ClientOptions,
  type Command,
  type Credential,
  type End,
  type Push,
  type Reply,
  type ReplyBody,
  type RequestBody,
  type Socket,
  type State,
  type Timers,
} from "./client.ts";
export type { Input } from "./codec.ts";
export { ConnectionLost, NoCredential, RequestError, RequestTimeout, TooManyRequests } from "./errors.ts";
export { enums } from "./messages.ts";
export type * from "./messages.ts";
export type { Account as AccountSummary } from "./messages.ts";
