import { useState } from 'preact/hooks';
import type { Order } from '../../client/src/messages.ts';
import { Confirm, Dialog, Facts } from './dialog.tsx';
import { explain } from './explain.ts';
import { count, exact, exactTime, id, local, parseLocal, parsePrice, parseQuantity, plainPrice, price, quantity, time } from './format.ts';
import { keyOf, tickOf } from './instruments.ts';
import { Panel } from './panel.tsx';
import { SideWord } from './profit.tsx';
import { store, useStore, type Sent } from './store.ts';
import { Table, type Column } from './table.tsx';
import { causes, statuses, times, types, word } from './words.ts';

export function statusOf(order: Order): string {
  if (order.triggered && order.leaves > 0n) return `${word(statuses, order.status)}, triggered`;
  return word(statuses, order.status);
}

export const priceOf = (order: Order, amount: bigint) => (amount === 0n ? '' : price(amount, tickOf(store.instrument(keyOf(order)))));

/** Type and time in force: Limit Day. */
export function kindOf(order: Order): string {
  return `${word(types, order.type)} ${times[order.timeInForce]?.short ?? ''}`;
}

/** An order as one sentence: Buy 200 ALFA 600100 limit 10.00. */
export function sentenceOf(order: Order): string {
  const prices = [order.price !== 0n && `at ${priceOf(order, order.price)}`, order.stopPrice !== 0n && `stop ${priceOf(order, order.stopPrice)}`];
  return [order.side === 'SIDE_BUY' ? 'Buy' : 'Sell', quantity(order.quantity), order.market, order.code, word(types, order.type).toLowerCase(), ...prices.filter(Boolean)].join(' ');
}

export const orderColumns: Column<Order>[] = [
  { key: 'time', title: 'Time', width: 'minmax(72px, 0.6fr)', wide: true, cell: (row) => <span title={exactTime(row.time)}>{time(row.time)}</span>, sort: (row) => row.time },
  { key: 'side', title: 'Side', width: '42px', cell: (row) => <SideWord side={row.side} />, sort: (row) => row.side },
  { key: 'code', title: 'Code', width: 'minmax(68px, 0.6fr)', cell: (row) => <strong title={`${row.market} ${row.code}`}>{row.code}</strong>, sort: keyOf },
  { key: 'kind', title: 'Type', width: 'minmax(74px, 0.9fr)', wide: true, cell: kindOf, sort: kindOf },
  { key: 'quantity', title: 'Quantity', width: 'minmax(60px, 0.7fr)', end: true, cell: (row) => quantity(row.quantity), sort: (row) => row.quantity },
  { key: 'filled', title: 'Filled', width: 'minmax(50px, 0.5fr)', end: true, wide: true, cell: (row) => quantity(row.filled), sort: (row) => row.filled },
  { key: 'price', title: 'Limit', width: 'minmax(54px, 0.6fr)', end: true, cell: (row) => priceOf(row, row.price), sort: (row) => row.price },
  { key: 'stop', title: 'Stop', width: 'minmax(48px, 0.5fr)', end: true, wide: true, cell: (row) => priceOf(row, row.stopPrice), sort: (row) => row.stopPrice },
  { key: 'status', title: 'Status', width: 'minmax(72px, 1fr)', cell: statusOf, sort: statusOf },
];

export function Working(props: { onCancelAll: () => void }) {
  const { account, sent } = useStore();
  const [shown, setShown] = useState<bigint>();
  const [replacing, setReplacing] = useState<Order>();
  const [cancelling, setCancelling] = useState<Order>();
  const rows = account ? [...account.orders.values()] : [];
  const opened = shown === undefined ? undefined : account?.orders.get(shown);
  const actions: Column<Order> = {
    key: 'actions',
    title: 'Change',
    width: '134px',
    end: true,
    wide: true,
    cell: (row) => (
      <>
        <button type="button" class="small" tabIndex={-1} onClick={() => setReplacing(row)}>
          Replace
        </button>{' '}
        <button type="button" class="small" tabIndex={-1} onClick={() => setCancelling(row)}>
          Cancel
        </button>
      </>
    ),
  };
  return (
    <Panel
      title="Working orders"
      help="console/trading"
      class="working"
      tools={
        <>
          <span class="soft">{quantity(rows.length)}</span>
          <button type="button" class="small" disabled={rows.length === 0} onClick={props.onCancelAll}>
            Cancel all
          </button>
        </>
      }
    >
      {[...sent.values()].map((one) => (
        <SentOrder key={one.order.clientOrderId} sent={one} />
      ))}
      <Table
        label="Working orders"
        rows={rows}
        columns={[...orderColumns, actions]}
        rowKey={(row) => String(row.orderId)}
        onOpen={(row) => setShown(row.orderId)}
        onKey={(key, row) => {
          if (key === 'Delete' || key === 'Backspace') setCancelling(row);
          else if (key === 'r' || key === 'R') setReplacing(row);
          else return false;
          return true;
        }}
        sort={{ key: 'time', down: true }}
        empty={account && !account.loading ? 'No working orders.' : 'Loading…'}
      />
      {opened && (
        <OrderDialog
          order={opened}
          onClose={() => setShown(undefined)}
          onReplace={() => (setShown(undefined), setReplacing(opened))}
          onCancel={() => (setShown(undefined), setCancelling(opened))}
        />
      )}
      {replacing && <Replace order={replacing} onClose={() => setReplacing(undefined)} />}
      {cancelling && <Cancel order={cancelling} onClose={() => setCancelling(undefined)} />}
    </Panel>
  );
}

/** An order whose reply is not there yet. */
function SentOrder({ sent }: { sent: Sent }) {
  return (
    <p class={`sent ${sent.lost ? 'lost' : ''}`} role="status">
      <span class="tag">{sent.lost ? 'sent, not confirmed' : 'sending'}</span> {sent.text}
      {sent.lost && sent.waits && <span> The connection broke before the answer. It is sent again, and is never executed twice.</span>}
      {sent.lost && !sent.waits && (
        <>
          <span> There was no answer: it may have been executed. To send it again never executes it twice.</span>{' '}
          <button type="button" class="small" onClick={() => void store.placeAgain(sent)}>
            Send again
          </button>{' '}
          <button type="button" class="small" onClick={() => store.forget(sent)}>
            Forget it
          </button>
        </>
      )}
    </p>
  );
}

export function OrderDialog(props: { order: Order; onClose: () => void; onReplace?: () => void; onCancel?: () => void }) {
  const { order } = props;
  return (
    <Dialog title={`Order ${id(order.orderId)}`} onClose={props.onClose}>
      <p>
        <strong>{sentenceOf(order)}</strong>
      </p>
      <Facts
        facts={[
          ['Status', statusOf(order)],
          ['Because', word(causes, order.cause)],
          ['Filled', order.filled > 0n && `${quantity(order.filled)} at ${exact(order.averagePrice)} on average`],
          ['Left', order.leaves > 0n && quantity(order.leaves)],
          ['Time in force', times[order.timeInForce] && `${times[order.timeInForce]!.short}: ${times[order.timeInForce]!.long}`],
          ['Expires', order.expires !== 0n && exactTime(order.expires)],
          ['Accepted', exactTime(order.time)],
          ['Client order id', order.clientOrderId],
        ]}
      />
      {props.onCancel && (
        <footer>
          <button type="button" onClick={props.onReplace}>
            Replace
          </button>
          <button type="button" onClick={props.onCancel}>
            Cancel the order
          </button>
        </footer>
      )}
    </Dialog>
  );
}

/** Why a cancel or a replace failed. In a race the server says what the order is now. */
function race(error: unknown): string {
  const order = (error as { body?: { order?: Order } }).body?.order;
  return explain(error) + (order ? ` It is ${statusOf(order).toLowerCase()} now, with ${quantity(order.filled)} filled.` : '');
}

function Cancel({ order, onClose }: { order: Order; onClose: () => void }) {
  const now = store.account?.orders.get(order.orderId);
  return (
    <Confirm
      title={`Cancel order ${id(order.orderId)}?`}
      verb="Cancel the order"
      danger
      explain={race}
      onClose={onClose}
      action={async () => {
        await store.request('CancelOrder', { orderId: order.orderId, historyId: store.historyId });
        store.toast('good', `Cancelled: ${sentenceOf(order)}.`);
      }}
    >
      <p>
        <strong>{sentenceOf(order)}</strong>
      </p>
      <p>
        {now ? `${quantity(now.filled)} filled, ${quantity(now.leaves)} left. What is filled stays.` : 'It no longer works.'}
      </p>
    </Confirm>
  );
}

export function CancelAll({ onClose }: { onClose: () => void }) {
  const { account } = useStore();
  const [only, setOnly] = useState(false);
  const chosen = store.instrument(store.chosen);
  const all = account ? [...account.orders.values()] : [];
  const those = only && chosen ? all.filter((order) => keyOf(order) === keyOf(chosen)) : all;
  const buys = those.filter((order) => order.side === 'SIDE_BUY').length;
  return (
    <Confirm
      title="Cancel all working orders?"
      verb={`Cancel ${count(those.length, 'order')}`}
      danger
      disabled={those.length === 0}
      explain={explain}
      onClose={onClose}
      action={async () => {
        const key = only && chosen ? { market: chosen.market, code: chosen.code } : {};
        const reply = await store.request('CancelOrder', { all: true, ...key });
        store.toast('good', `Cancelled ${count(reply.count, 'order')}.`);
      }}
    >
      <p>
        {count(buys, 'buy')} and {count(those.length - buys, 'sell')}. What is filled stays.
      </p>
      {chosen && (
        <label class="check">
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.currentTarget.checked)} />
          <span>
            Only those of {chosen.market} {chosen.code} {chosen.name}
          </span>
        </label>
      )}
    </Confirm>
  );
}

function Replace({ order, onClose }: { order: Order; onClose: () => void }) {
  const limited = order.price !== 0n;
  const stopped = order.stopPrice !== 0n && !order.triggered;
  const [shares, setShares] = useState(order.quantity.toString());
  const [limit, setLimit] = useState(limited ? plainPrice(order.price) : '');
  const [stop, setStop] = useState(stopped ? plainPrice(order.stopPrice) : '');
  const [force, setForce] = useState(order.timeInForce);
  const [expires, setExpires] = useState(local(new Date(order.expires ? Number(order.expires / 1_000_000n) : Date.now() + 3_600_000)));
  const now = store.account?.orders.get(order.orderId) ?? order;
  const wanted = {
    quantity: parseQuantity(shares),
    price: limited ? parsePrice(limit) : 0n,
    stopPrice: stopped ? parsePrice(stop) : 0n,
    expires: force === 'TIME_IN_FORCE_GOOD_TILL_DATE' ? parseLocal(expires) : 0n,
  };
  const wrong =
    wanted.quantity === undefined || wanted.quantity <= now.filled
      ? `The quantity must be above what is filled, ${quantity(now.filled)}.`
      : wanted.price === undefined || wanted.stopPrice === undefined
        ? 'A price has at most four decimals, such as 10.25.'
        : '';
  const changes: string[] = [];
  if (!wrong) {
    if (wanted.quantity !== order.quantity) changes.push(`quantity ${quantity(order.quantity)} → ${quantity(wanted.quantity!)}`);
    if (limited && wanted.price !== order.price) changes.push(`limit ${priceOf(order, order.price)} → ${priceOf(order, wanted.price!)}`);
    if (stopped && wanted.stopPrice !== order.stopPrice) changes.push(`stop ${priceOf(order, order.stopPrice)} → ${priceOf(order, wanted.stopPrice!)}`);
    if (force !== order.timeInForce) changes.push(`${times[order.timeInForce]?.short} → ${times[force]?.short}`);
    if (wanted.expires !== 0n && wanted.expires !== order.expires) changes.push(`expires ${exactTime(wanted.expires)}`);
  }
  const place = !wrong && (wanted.price !== order.price || (stopped && wanted.stopPrice !== order.stopPrice) || wanted.quantity! > order.quantity);
  return (
    <Confirm
      title={`Replace order ${id(order.orderId)}`}
      verb="Replace"
      disabled={wrong !== '' || changes.length === 0}
      explain={race}
      onClose={onClose}
      action={async () => {
        const reply = await store.request('ReplaceOrder', {
          orderId: order.orderId,
          historyId: store.historyId,
          newClientOrderId: store.newClientOrderId(),
          quantity: wanted.quantity === order.quantity ? 0n : wanted.quantity!,
          price: wanted.price === order.price ? 0n : wanted.price!,
          stopPrice: wanted.stopPrice === order.stopPrice ? 0n : wanted.stopPrice!,
          timeInForce: force === order.timeInForce && wanted.expires === 0n ? 'TIME_IN_FORCE_UNSPECIFIED' : force,
          expires: wanted.expires,
        });
        store.toast('good', `Replaced: ${reply.order ? `${sentenceOf(reply.order)}, ${statusOf(reply.order).toLowerCase()}` : id(order.orderId)}.`);
      }}
    >
      <p>
        {sentenceOf(now)}; {quantity(now.filled)} filled, {quantity(now.leaves)} left.
      </p>
      <div class="fields">
        <label>
          <span>Quantity, with what is filled</span>
          <input inputMode="numeric" value={shares} onInput={(event) => setShares(event.currentTarget.value)} />
        </label>
        {limited && (
          <label>
            <span>Limit</span>
            <input inputMode="decimal" value={limit} onInput={(event) => setLimit(event.currentTarget.value)} />
          </label>
        )}
        {stopped && (
          <label>
            <span>Stop price</span>
            <input inputMode="decimal" value={stop} onInput={(event) => setStop(event.currentTarget.value)} />
          </label>
        )}
        <label>
          <span>Time in force</span>
          <select value={force} onChange={(event) => setForce(event.currentTarget.value as typeof force)}>
            {(['TIME_IN_FORCE_DAY', 'TIME_IN_FORCE_GOOD_TILL_CANCELLED', 'TIME_IN_FORCE_GOOD_TILL_DATE'] as const).map((name) => (
              <option key={name} value={name}>
                {times[name]!.short}: {times[name]!.long}
              </option>
            ))}
          </select>
        </label>
        {force === 'TIME_IN_FORCE_GOOD_TILL_DATE' && (
          <label>
            <span>Expires</span>
            <input type="datetime-local" value={expires} onInput={(event) => setExpires(event.currentTarget.value)} />
          </label>
        )}
      </div>
      <p class={wrong ? 'failure' : 'soft'}>
        {wrong || (changes.length === 0 ? 'Nothing is changed yet.' : `Changes: ${changes.join(', ')}.${place ? ' The order loses its place among others at its price.' : ''}`)}
      </p>
    </Confirm>
  );
}
