import type { Instrument } from '../../client/src/messages.ts';

export { keyOf } from '../../client/src/index.ts';

/** Instruments whose name, code or market has each word of the search. */
export function matching<I extends { market: string; code: string; name: string }>(all: Iterable<I>, search: string): I[] {
  const words = search.toLowerCase().split(/[\s/]+/).filter(Boolean);
  const found: I[] = [];
  for (const one of all) {
    const text = `${one.market} ${one.code} ${one.name}`.toLowerCase();
    if (words.every((word) => text.includes(word))) found.push(one);
  }
  return found;
}

/** The largest quantity up to shares that the lots of the instrument allow to buy; 0n if none. */
export function wholeLots(instrument: Instrument, shares: bigint): bigint {
  const minimum = instrument.minimumLot > 0n ? instrument.minimumLot : instrument.lotSize;
  const step = instrument.lotSize > 0n ? instrument.lotSize : 1n;
  if (shares < minimum) return 0n;
  return minimum + ((shares - minimum) / step) * step;
}

/** The prices that an order may have today, in words; empty without a band. */
export function bandOf(instrument: Instrument, write: (price: bigint) => string): string {
  if (instrument.lowPrice === 0n && instrument.highPrice === 0n) return '';
  return `${write(instrument.lowPrice)} to ${write(instrument.highPrice)}`;
}

/** What an instrument without a tick is written with. */
export function tickOf(instrument: Instrument | undefined): bigint {
  return instrument && instrument.priceTick > 0n ? instrument.priceTick : 100n;
}
