// Figures as people read and write them. Prices and money are whole numbers of 1/10000, times
// and durations are nanoseconds.

const minus = '\u2212';

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

// fixed writes an amount of 1/10000 with a number of decimals from 0 to 4, rounded half up.
function fixed(amount: bigint, decimals: number): string {
  const unit = 10n ** BigInt(4 - decimals);
  const size = amount < 0n ? -amount : amount;
  const scaled = (size + unit / 2n) / unit;
  const digits = scaled.toString().padStart(decimals + 1, '0');
  const whole = grouped(digits.slice(0, digits.length - decimals));
  const sign = amount < 0n && scaled !== 0n ? minus : '';
  return sign + whole + (decimals > 0 ? '.' + digits.slice(-decimals) : '');
}

/** Money with two decimals: 1,234.50. */
export function money(amount: bigint): string {
  return fixed(amount, 2);
}

/** Money or a price with all its decimals, for titles and previews. */
export function exact(amount: bigint): string {
  return fixed(amount, 4);
}

/** Profit: always with a sign, so that its colour is never the only difference. */
export function profit(amount: bigint): string {
  const text = money(amount);
  return amount > 0n && /[1-9]/.test(text) ? '+' + text : text;
}

/** A price with as many decimals as its tick needs, at least two. */
export function price(amount: bigint, tick = 100n): string {
  if (tick > 0n && tick % 100n === 0n && amount % 100n === 0n) return fixed(amount, 2);
  return fixed(amount, amount % 10n === 0n && tick % 10n === 0n ? 3 : 4);
}

/** A price for an input: without separators and without zeros at its end. */
export function plainPrice(amount: bigint): string {
  return exact(amount).replace(/,/g, '').replace(minus, '-').replace(/(\.\d\d)00$/, '$1').replace(/(\.\d\d\d)0$/, '$1');
}

export function quantity(amount: bigint | number): string {
  const text = amount.toString();
  return text.startsWith('-') ? minus + grouped(text.slice(1)) : grouped(text);
}

/** 1 order, 2 orders. */
export function count(amount: number, noun: string): string {
  return `${quantity(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

/** part of whole in percent: +1.25 %. Empty without a whole. */
export function percent(part: bigint, whole: bigint): string {
  if (whole === 0n) return '';
  const size = whole < 0n ? -whole : whole;
  const text = fixed((part * 1_000_000n) / size, 2);
  return (part > 0n && /[1-9]/.test(text) ? '+' : '') + text + ' %';
}

/** 10.5 to 105000n; undefined if the text is no amount, or has more than four decimals. */
export function parsePrice(text: string): bigint | undefined {
  const match = /^(\d{1,14})?(?:\.(\d{0,4}))?$/.exec(text.replace(/[,\s]/g, ''));
  if (!match || (!match[1] && !match[2])) return undefined;
  return BigInt(match[1] ?? '0') * 10000n + BigInt((match[2] ?? '').padEnd(4, '0'));
}

/** 1200, 1,200, 5k or 2m to shares; undefined if the text is none of them. */
export function parseQuantity(text: string): bigint | undefined {
  const match = /^(\d{1,15})([km])?$/i.exec(text.replace(/[,\s]/g, ''));
  if (!match) return undefined;
  const unit = match[2]?.toLowerCase();
  return BigInt(match[1]!) * (unit === 'k' ? 1_000n : unit === 'm' ? 1_000_000n : 1n);
}

/** A whole decimal number of any size, such as an id; undefined if the text is none. */
export function parseWhole(text: string): bigint | undefined {
  return /^\d{1,20}$/.test(text.trim()) ? BigInt(text.trim()) : undefined;
}

/** 429501024567313n to 100001-17. */
export function id(number: bigint): string {
  return `${number >> 32n}-${number & 0xffffffffn}`;
}

/** 100001-17, or the number itself; undefined if the text is none. */
export function parseID(text: string): bigint | undefined {
  const match = /^(\d{1,10})-(\d{1,10})$/.exec(text.trim());
  return match ? (BigInt(match[1]!) << 32n) | BigInt(match[2]!) : parseWhole(text);
}

const two = (n: number) => String(n).padStart(2, '0');

function asDate(nanoseconds: bigint): Date {
  return new Date(Number(nanoseconds / 1_000_000n));
}

function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The time of day, to the second. */
export function clock(nanoseconds: bigint): string {
  const date = asDate(nanoseconds);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Date and time to the second; without the date if it is the day of today. */
export function time(nanoseconds: bigint, today: Date = new Date()): string {
  if (nanoseconds === 0n) return '';
  const date = day(asDate(nanoseconds));
  return date === day(today) ? clock(nanoseconds) : `${date} ${clock(nanoseconds)}`;
}

/** Date and time to the microsecond, for titles and details. */
export function exactTime(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '';
  const micro = String((nanoseconds / 1_000n) % 1_000_000n).padStart(6, '0');
  return `${day(asDate(nanoseconds))} ${clock(nanoseconds)}.${micro}`;
}

/** The value of an input of the type datetime-local, in the time zone of the browser; 0n without. */
export function parseLocal(text: string): bigint {
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0n : BigInt(time) * 1_000_000n;
}

/** The reverse of parseLocal. */
export function local(date: Date): string {
  return `${day(date)}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Seconds as 850 µs, 12.3 ms, 4.2 s, 3 min 5 s, 2 h 10 min or 3 d 4 h. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.1 ? 1 : 0)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** 1536 to 1.5 KiB. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${count.toFixed(unit === 0 || count >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** A rate, as 12,300 or 0.4. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : quantity(Math.round(perSecond));
}
