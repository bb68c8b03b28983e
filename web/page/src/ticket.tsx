import { useEffect, useRef, useState } from 'preact/hooks';
import type { Instrument, OrderType, PlaceOrderRequest, Side, TimeInForce } from '../../client/src/messages.ts';
import { explain } from './explain.ts';
import { exact, local, money, parseLocal, parsePrice, parseQuantity, plainPrice, price, quantity } from './format.ts';
import { bandOf, keyOf, tickOf, wholeLots } from './instruments.ts';
import { Panel } from './panel.tsx';
import { outcomeOf, useStore, type Store } from './store.ts';
import { times, types } from './words.ts';

type TraderSide = Exclude<Side, 'SIDE_UNSPECIFIED'>;

const typeNames = ['ORDER_TYPE_MARKET', 'ORDER_TYPE_LIMIT', 'ORDER_TYPE_STOP', 'ORDER_TYPE_STOP_LIMIT'] as const;

/** The times in force that the server takes with a type. */
const forces: Record<(typeof typeNames)[number], TimeInForce[]> = {
  ORDER_TYPE_MARKET: ['TIME_IN_FORCE_DAY', 'TIME_IN_FORCE_IMMEDIATE_OR_CANCEL', 'TIME_IN_FORCE_FILL_OR_KILL'],
  ORDER_TYPE_LIMIT: ['TIME_IN_FORCE_DAY', 'TIME_IN_FORCE_GOOD_TILL_CANCELLED', 'TIME_IN_FORCE_GOOD_TILL_DATE', 'TIME_IN_FORCE_IMMEDIATE_OR_CANCEL', 'TIME_IN_FORCE_FILL_OR_KILL'],
  ORDER_TYPE_STOP: ['TIME_IN_FORCE_DAY', 'TIME_IN_FORCE_GOOD_TILL_CANCELLED', 'TIME_IN_FORCE_GOOD_TILL_DATE'],
  ORDER_TYPE_STOP_LIMIT: ['TIME_IN_FORCE_DAY', 'TIME_IN_FORCE_GOOD_TILL_CANCELLED', 'TIME_IN_FORCE_GOOD_TILL_DATE'],
};

/** The chosen instrument, and the order for it while its ticket is open. */
export function Ticket(props: { onOpen: (side: TraderSide) => void }) {
  const store = useStore();
  const instrument = store.instrument(store.chosen);
  const viewer = store.session?.viewer === true;
  return (
    <Panel title="Order" help="console/trading" class="ticket">
      {!instrument && <div class="body soft">Choose an instrument in the quotes.</div>}
      {instrument && (
        <div class="body">
          <About store={store} instrument={instrument} />
          {viewer && <p class="soft">A viewer reads and places no orders.</p>}
          {!viewer && !store.ticket && (
            <>
              <div class="sides">
                <button type="button" class="buyButton" onClick={() => props.onOpen('SIDE_BUY')}>
                  Buy <kbd>B</kbd>
                </button>
                <button type="button" class="sellButton" onClick={() => props.onOpen('SIDE_SELL')}>
                  Sell <kbd>S</kbd>
                </button>
              </div>
              {store.lastOutcome && (
                <p class={store.lastOutcome.kind === 'bad' ? 'failure' : ''} role="status">
                  {store.lastOutcome.text}
                </p>
              )}
            </>
          )}
          {!viewer && store.ticket && <Form key={keyOf(instrument)} store={store} instrument={instrument} side={store.ticket} />}
        </div>
      )}
    </Panel>
  );
}

function About({ store, instrument }: { store: Store; instrument: Instrument }) {
  const write = (amount: bigint) => price(amount, tickOf(instrument));
  const held = store.account?.positions.get(keyOf(instrument));
  const band = bandOf(instrument, write);
  return (
    <>
      <div class="about">
        <div>
          <strong>{instrument.code}</strong> {instrument.name} <span class="soft">{instrument.market}</span>
          {instrument.halted && <span class="tag loss">halted</span>}
        </div>
        <div class="big">{write(instrument.lastPrice)}</div>
      </div>
      <p class="soft small">
        Tick {exact(instrument.priceTick).replace(/0+$/, '').replace(/\.$/, '')}, lots of {quantity(instrument.lotSize)}
        {instrument.minimumLot > instrument.lotSize && `, at least ${quantity(instrument.minimumLot)}`}
        {band && `, today ${band}`}. You hold {quantity(held?.quantity ?? 0n)}
        {held && held.sellable !== held.quantity && `, ${quantity(held.sellable)} sellable`}.
      </p>
    </>
  );
}

function Form({ store, instrument, side }: { store: Store; instrument: Instrument; side: TraderSide }) {
  const [type, setType] = useState<(typeof typeNames)[number]>('ORDER_TYPE_MARKET');
  const [force, setForce] = useState<TimeInForce>('TIME_IN_FORCE_DAY');
  const [shares, setShares] = useState('');
  const [limit, setLimit] = useState('');
  const [stop, setStop] = useState('');
  const [expires, setExpires] = useState(() => local(new Date(Date.now() + 3_600_000)));
  const [own, setOwn] = useState('');
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), [side]);

  const limited = type === 'ORDER_TYPE_LIMIT' || type === 'ORDER_TYPE_STOP_LIMIT';
  const stopped = type === 'ORDER_TYPE_STOP' || type === 'ORDER_TYPE_STOP_LIMIT';
  const dated = force === 'TIME_IN_FORCE_GOOD_TILL_DATE';
  const write = (amount: bigint) => price(amount, tickOf(instrument));
  const wanted = { shares: parseQuantity(shares), limit: parsePrice(limit), stop: parsePrice(stop) };
  const each = limited ? wanted.limit : stopped ? wanted.stop : instrument.lastPrice;
  const value = wanted.shares !== undefined && each !== undefined ? wanted.shares * each : undefined;
  const free = store.summary?.freeCash ?? 0n;
  const sellable = store.account?.positions.get(keyOf(instrument))?.sellable ?? 0n;
  const most = side === 'SIDE_SELL' ? sellable : each !== undefined && each > 0n && free > 0n ? wholeLots(instrument, free / each) : 0n;

  const chooseType = (name: (typeof typeNames)[number]) => {
    setType(name);
    if (!forces[name].includes(force)) setForce('TIME_IN_FORCE_DAY');
    if (limit === '' && (name === 'ORDER_TYPE_LIMIT' || name === 'ORDER_TYPE_STOP_LIMIT')) setLimit(plainPrice(instrument.lastPrice));
  };
  const step = (set: (text: string) => void, now: bigint | undefined) => (event: KeyboardEvent) => {
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    const from = now ?? instrument.lastPrice;
    const to = event.key === 'ArrowUp' ? from + instrument.priceTick : from - instrument.priceTick;
    if (to > 0n) set(plainPrice(to));
  };
  const hints = hintsOf({ instrument, side, shares: wanted.shares, limit: limited ? wanted.limit : undefined, stop: stopped ? wanted.stop : undefined, value, free, sellable, write });

  const send = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    const missing =
      wanted.shares === undefined || wanted.shares === 0n
        ? 'How many shares? A whole number, such as 200 or 5k.'
        : limited && wanted.limit === undefined
          ? 'At which limit? A price has at most four decimals, such as 10.25.'
          : stopped && wanted.stop === undefined
            ? 'At which stop price? A price has at most four decimals, such as 10.25.'
            : dated && parseLocal(expires) === 0n
              ? 'When does the order expire?'
              : '';
    setFailure(missing);
    if (missing) return;
    const order: Partial<PlaceOrderRequest> & { clientOrderId: string } = {
      clientOrderId: own.trim() || store.newClientOrderId(),
      side,
      market: instrument.market,
      code: instrument.code,
      quantity: wanted.shares!,
      type: type as OrderType,
      timeInForce: force,
      ...(limited ? { price: wanted.limit! } : {}),
      ...(stopped ? { stopPrice: wanted.stop! } : {}),
      ...(dated ? { expires: parseLocal(expires) } : {}),
    };
    const prices = [limited && `at ${write(wanted.limit!)}`, stopped && `stop ${write(wanted.stop!)}`].filter(Boolean).join(' ');
    const text = `${side === 'SIDE_BUY' ? 'Buy' : 'Sell'} ${quantity(wanted.shares!)} ${instrument.market} ${instrument.code} ${types[type]!.toLowerCase()} ${prices}`.trim();
    setBusy(true);
    try {
      const reply = await store.place(order, text);
      store.closeTicket({ kind: 'good', text: outcomeOf(text, reply, write) });
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
      requestAnimationFrame(() => first.current?.select());
    }
  };
  const verb = side === 'SIDE_BUY' ? 'Buy' : 'Sell';
  return (
    <form
      ref={form}
      class={side === 'SIDE_BUY' ? 'buying' : 'selling'}
      onSubmit={send}
      noValidate
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        store.closeTicket();
      }}
    >
      <div class="sides" role="group" aria-label="Side">
        <button type="button" class="buyButton" aria-pressed={side === 'SIDE_BUY'} onClick={() => store.openTicket('SIDE_BUY')}>
          Buy
        </button>
        <button type="button" class="sellButton" aria-pressed={side === 'SIDE_SELL'} onClick={() => store.openTicket('SIDE_SELL')}>
          Sell
        </button>
      </div>
      <div class="fields">
        <label>
          <span>Quantity</span>
          <input ref={first} name="quantity" inputMode="text" autocomplete="off" value={shares} aria-invalid={shares !== '' && wanted.shares === undefined} onInput={(event) => setShares(event.currentTarget.value)} />
        </label>
        <div>
          <span class="name">{side === 'SIDE_SELL' ? 'Sellable' : 'At most'}</span>
          <button type="button" class="wide" disabled={most === 0n} onClick={() => setShares(most.toString())} title="Take this quantity">
            {quantity(most)}
          </button>
        </div>
        <label>
          <span>Type</span>
          <select value={type} onChange={(event) => chooseType(event.currentTarget.value as typeof type)}>
            {typeNames.map((name) => (
              <option key={name} value={name}>
                {types[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Time in force</span>
          <select value={force} onChange={(event) => setForce(event.currentTarget.value as TimeInForce)}>
            {forces[type].map((name) => (
              <option key={name} value={name}>
                {times[name]!.short}: {times[name]!.long}
              </option>
            ))}
          </select>
        </label>
        {stopped && (
          <label>
            <span>Stop price ↑↓</span>
            <input name="stop" inputMode="decimal" autocomplete="off" value={stop} onInput={(event) => setStop(event.currentTarget.value)} onKeyDown={step(setStop, wanted.stop)} />
          </label>
        )}
        {limited && (
          <label>
            <span>Limit ↑↓</span>
            <input name="limit" inputMode="decimal" autocomplete="off" value={limit} onInput={(event) => setLimit(event.currentTarget.value)} onKeyDown={step(setLimit, wanted.limit)} />
          </label>
        )}
        {dated && (
          <label class="all">
            <span>Expires, in your time zone</span>
            <input type="datetime-local" value={expires} onInput={(event) => setExpires(event.currentTarget.value)} />
          </label>
        )}
      </div>
      <dl class="estimate">
        <div>
          <dt>{type === 'ORDER_TYPE_MARKET' ? 'About, at the last price' : 'Value'}</dt>
          <dd>{value === undefined ? '' : money(value)}</dd>
        </div>
        <div>
          <dt>Free cash</dt>
          <dd>{money(free)}</dd>
        </div>
        {side === 'SIDE_BUY' && value !== undefined && value > 0n && (
          <div>
            <dt>Free after it</dt>
            <dd>{money(free - value)}</dd>
          </div>
        )}
      </dl>
      <p class="soft small">Fees are not included.</p>
      {hints.length > 0 && (
        <ul class="hints">
          {hints.map((hint) => (
            <li key={hint}>{hint}</li>
          ))}
        </ul>
      )}
      <p class="failure" role="alert">
        {failure}
      </p>
      <footer>
        <button type="button" onClick={() => store.closeTicket()}>
          Close <kbd>Esc</kbd>
        </button>
        <button type="submit" class={side === 'SIDE_BUY' ? 'buyButton full' : 'sellButton full'} disabled={busy} aria-busy={busy}>
          {busy ? 'Sent, waiting…' : [verb, wanted.shares && quantity(wanted.shares)].filter(Boolean).join(' ')} <kbd>Enter</kbd>
        </button>
      </footer>
      <details>
        <summary>Client order id</summary>
        <label>
          <span>Chosen by the page if empty. After a ! it can demand an outcome, if the customer may.</span>
          <input value={own} maxLength={36} autocomplete="off" onInput={(event) => setOwn(event.currentTarget.value)} />
        </label>
      </details>
    </form>
  );
}

/** What the server is likely to refuse. It decides itself: the order can be sent all the same. */
function hintsOf(at: {
  instrument: Instrument;
  side: TraderSide;
  shares: bigint | undefined;
  limit: bigint | undefined;
  stop: bigint | undefined;
  value: bigint | undefined;
  free: bigint;
  sellable: bigint;
  write: (price: bigint) => string;
}): string[] {
  const { instrument, shares, write } = at;
  const hints: string[] = [];
  if (instrument.halted) hints.push('Trading of this instrument is halted.');
  for (const [name, amount] of [['limit', at.limit], ['stop price', at.stop]] as const) {
    if (amount === undefined) continue;
    if (instrument.priceTick > 0n && amount % instrument.priceTick !== 0n) {
      const below = (amount / instrument.priceTick) * instrument.priceTick;
      hints.push(`The ${name} is not a multiple of the tick: ${write(below)} or ${write(below + instrument.priceTick)}.`);
    }
    if (instrument.highPrice > 0n && (amount < instrument.lowPrice || amount > instrument.highPrice)) {
      hints.push(`The ${name} is outside today's band, ${bandOf(instrument, write)}.`);
    }
  }
  if (at.stop !== undefined && (at.side === 'SIDE_BUY' ? instrument.lastPrice >= at.stop : instrument.lastPrice <= at.stop)) {
    hints.push(`The last price, ${write(instrument.lastPrice)}, has reached this stop price already.`);
  }
  if (shares === undefined || shares === 0n) return hints;
  if (at.side === 'SIDE_BUY') {
    const fits = wholeLots(instrument, shares);
    if (fits !== shares) hints.push(`The lots allow ${fits > 0n ? `${quantity(fits)} or ` : ''}${quantity(fits > 0n ? fits + instrument.lotSize : wholeLots(instrument, instrument.minimumLot > 0n ? instrument.minimumLot : instrument.lotSize))}.`);
    if (at.value !== undefined && at.value > at.free) hints.push(`It needs ${money(at.value - at.free)} more than the free cash.`);
  } else if (shares > at.sellable) {
    hints.push(`Only ${quantity(at.sellable)} can be sold now.`);
  }
  return hints;
}
