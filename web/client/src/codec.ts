// Bodies in JSON, as docs/protocol.md has them: what is 0, false or empty is missing, 64-bit
// integers are strings. The tables of messages.ts say what each field holds.
import { enums, fields, type Messages } from "./messages.ts";

/** A message as a request takes it: what is missing is 0, false or empty. */
export type Input<T> = T extends (infer E)[]
  ? readonly Input<E>[]
  : T extends object
    ? { readonly [K in keyof T]?: Input<T[K]> | undefined }
    : T;

type MessageName = keyof Messages;

interface Field {
  /** Of its message, too, for errors. */
  fullName: string;
  name: string;
  list: boolean;
  optional: boolean;
  /** A scalar, or the name of an enum or a message. */
  kind: string;
  message: MessageName | undefined;
  /** The names of an enum. */
  values: readonly string[] | undefined;
  zero: unknown;
}

type Json = Record<string, unknown>;

const known = new Map<MessageName, Field[]>();

function fieldsOf(message: MessageName): Field[] {
  let list = known.get(message);
  if (list === undefined) {
    list = Object.entries<string>(fields[message]).map(([name, type]) => fieldOf(message, name, type));
    known.set(message, list);
  }
  return list;
}

function fieldOf(message: MessageName, name: string, type: string): Field {
  const kind = type.replace(/\[\]$|\?$/, "");
  const values = kind in enums ? enums[kind as keyof typeof enums] : undefined;
  return {
    fullName: `${message}.${name}`,
    name,
    list: type.endsWith("[]"),
    optional: type.endsWith("?"),
    kind,
    message: kind in fields ? (kind as MessageName) : undefined,
    values,
    zero: values !== undefined ? values[0] : { string: "", number: 0, boolean: false, bigint: 0n }[kind],
  };
}

/**
 * Returns what JSON.stringify takes. It throws a TypeError for a field that the message does not
 * have and for a value that does not fit.
 */
export function encode<N extends MessageName>(name: N, message: Input<Messages[N]>): Json {
  const json: Json = {};
  const all = fieldsOf(name);
  for (const [key, value] of Object.entries(message as Json)) {
    const field = all.find((f) => f.name === key);
    if (field === undefined) {
      throw new TypeError(`${name} has no field ${key}`);
    }
    if (value === undefined) {
      continue;
    }
    if (!field.list) {
      json[key] = encodeValue(field, value);
    } else if (Array.isArray(value)) {
      json[key] = value.map((v) => encodeValue(field, v));
    } else {
      throw new TypeError(`${field.fullName} is not a list`);
    }
  }
  return json;
}

function encodeValue({ fullName, kind, message, values }: Field, value: unknown): unknown {
  if (message !== undefined && typeof value === "object" && value !== null) {
    return encode(message, value);
  }
  if (values?.includes(value as string) || (values === undefined && typeof value === kind)) {
    return kind === "bigint" ? String(value) : value;
  }
  throw new TypeError(`${fullName} is not a ${kind}: ${typeof value} ${String(value)}`);
}

/**
 * Returns the message of a body. Fields and names that this client does not know are ignored: such
 * an enum has its first name. It throws a TypeError for a value that does not fit.
 */
export function decode<N extends MessageName>(name: N, body: unknown): Messages[N] {
  if (body === undefined) {
    body = {};
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new TypeError(`${name} is not an object`);
  }
  const message: Json = {};
  for (const field of fieldsOf(name)) {
    const value = (body as Json)[field.name];
    const missing = value === undefined || value === null;
    if (field.list) {
      message[field.name] = missing ? [] : decodeList(field, value);
    } else if (!missing) {
      message[field.name] = decodeValue(field, value);
    } else if (!field.optional) {
      message[field.name] = field.zero;
    }
  }
  return message as unknown as Messages[N];
}

function decodeList(field: Field, value: unknown): unknown[] {
  if (!Array.isArray(value)) {
    throw new TypeError(`${field.fullName} is not a list`);
  }
  return value.map((v) => decodeValue(field, v));
}

function decodeValue({ fullName, kind, message, values }: Field, value: unknown): unknown {
  if (message !== undefined) {
    return decode(message, value);
  }
  if (values !== undefined) {
    return values.includes(value as string) ? value : values[0];
  }
  if (kind === "bigint" && typeof value === "string" && /^-?\d+$/.test(value)) {
    return BigInt(value);
  }
  if (typeof value !== kind) {
    throw new TypeError(`${fullName} is not a ${kind}: ${typeof value}`);
  }
  return value;
}
