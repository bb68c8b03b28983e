// What a bust or a correction changes: executions, position and cash, before and after.
import type { ComponentChildren } from 'preact';
import type { BustReply, CorrectReply, Execution, Position } from '../../../client/src/messages.ts';
import { exact, exactTime, id, money, price, profit, quantity } from '../format.ts';
import { keyOf, tickOf } from '../instruments.ts';
import { statusOf } from '../orders.tsx';
import { SideWord } from '../profit.tsx';
import { store } from '../store.ts';
import { causes, word } from '../words.ts';
import { guarded } from './command.ts';

export type Before = { position?: Position; cash: bigint };

/** The cash of a customer, and the position in an instrument; undefined if there is none. */
export async function positionOf(customer: number, key: { market: string; code: string }): Promise<Before> {
  let after: { market: string; code: string } | undefined;
  for (;;) {
    const reply = await guarded(store.request('Positions', { customer, limit: 1000, after }));
    const position = reply.positions.find((one) => keyOf(one) === keyOf(key));
    const last = reply.positions.at(-1);
    if (position || !reply.more || !last) return { position, cash: reply.account?.cash ?? 0n };
    after = { market: last.market, code: last.code };
  }
}

/** What an execution did to the cash. */
const flow = (one: Execution) => (one.side === 'SIDE_BUY' ? -(one.quantity * one.price) : one.quantity * one.price) - one.fee;

const priced = (one: Execution) => price(one.price, tickOf(store.instrument(keyOf(one))));

export function Busted({ reply, before, range, done }: { reply: BustReply; before?: Before; range?: boolean; done?: boolean }) {
  const { executions, count, accounts, refused } = reply;
  const cash = executions.reduce((sum, one) => sum - flow(one), 0n);
  if (count === 0 && refused.length === 0) {
    if (range) return <p>No execution of this instrument in this span of time: there is nothing to bust.</p>;
    return (
      <p>
        {reply.execution && id(reply.execution.executionId)} was busted before{reply.execution?.bustReason && `: ${reply.execution.bustReason}`}. There is nothing to bust.
      </p>
    );
  }
  return (
    <>
      <p>
        <strong>
          {done ? 'Busted: ' : 'To bust: '}
          {quantity(count)} {count === 1 ? 'execution' : 'executions'} of {quantity(accounts)} {accounts === 1 ? 'account' : 'accounts'}
        </strong>
      </p>
      <Executions label="Executions that are busted" rows={executions.slice(0, shownMost)} struck />
      {count > Math.min(executions.length, shownMost) && <p class="soft">and {quantity(count - Math.min(executions.length, shownMost))} more</p>}
      <Effect before={before} after={reply.position} cash={count === executions.length ? cash : undefined} single={accounts === 1} />
      {refused.length > 0 && (
        <>
          <p class="failure">
            Refused for {quantity(refused.length)} {refused.length === 1 ? 'account' : 'accounts'}, which {done ? 'are' : 'stay'} as they are:
          </p>
          <ul>
            {refused.slice(0, shownMost).map((one) => (
              <li key={one.customer}>
                <a href={`#operator/accounts/${one.customer}`}>{one.customer}</a>: {one.error?.message}
              </li>
            ))}
          </ul>
        </>
      )}
      {!done && <p class="soft">Working sells that would lack shares are cancelled first, the newest first.</p>}
      {done && <Links customers={executions.map((one) => one.customer)} />}
    </>
  );
}

/** The most rows of a preview. */
const shownMost = 100;

export function Corrected({ reply, before, done }: { reply: CorrectReply; before?: Before; done?: boolean }) {
  const { busted, replacement, order } = reply;
  if (!busted || !replacement) return null;
  return (
    <>
      <p>
        <strong>
          {done ? 'Corrected: ' : 'To correct: '} {id(busted.executionId)}
        </strong>
        {done && `; ${id(replacement.executionId)} is in its place`}
      </p>
      <Executions label="The execution before and after" rows={[busted, replacement]} />
      <Effect before={before} after={reply.position} cash={flow(replacement) - flow(busted)} single />
      {order && (
        <p>
          Order {id(order.orderId)}: {statusOf(order)}, {quantity(order.filled)} of {quantity(order.quantity)} filled{order.cause !== 'ORDER_CAUSE_UNSPECIFIED' && `, ${word(causes, order.cause)}`}.
        </p>
      )}
      {done && <Links customers={[busted.customer]} />}
    </>
  );
}

function Executions({ label, rows, struck }: { label: string; rows: Execution[]; struck?: boolean }) {
  const cell = (one: Execution, text: string) => (struck || one.correctedBy !== 0n ? <s class="old">{text}</s> : text);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Execution</th>
            <th scope="col" class="word">
              Side
            </th>
            <th scope="col" class="word">
              Instrument
            </th>
            <th scope="col">Quantity</th>
            <th scope="col">Price</th>
            <th scope="col">Fee</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <tr key={String(one.executionId)} class={struck || one.correctedBy !== 0n ? 'busted' : ''}>
              <th scope="row">{id(one.executionId)}</th>
              <td class="word">
                <SideWord side={one.side} />
              </td>
              <td class="word">{keyOf(one)}</td>
              <td>{cell(one, quantity(one.quantity))}</td>
              <td>{cell(one, priced(one))}</td>
              <td>{cell(one, exact(one.fee))}</td>
              <td>{exactTime(one.time)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Position and cash before, after, and the difference. */
function Effect(props: { before?: Before; after?: Position; cash?: bigint; single: boolean }) {
  const { before, after, cash } = props;
  if (!after || !before) {
    return cash !== undefined && <p>Cash of all accounts together: {profit(cash)}</p>;
  }
  const was = before.position;
  const row = (name: string, then: bigint, now: bigint, write: (amount: bigint) => string): ComponentChildren => (
    <tr>
      <th scope="row">{name}</th>
      <td>{write(then)}</td>
      <td>{write(now)}</td>
      <td>{then === now ? '' : (now > then ? '+' : '') + write(now - then)}</td>
    </tr>
  );
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Position and cash before and after">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">{keyOf(after)}</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
            <th scope="col">Change</th>
          </tr>
        </thead>
        <tbody>
          {row('Shares', was?.quantity ?? 0n, after.quantity, quantity)}
          {row('Average cost', was?.averageCost ?? 0n, after.averageCost, exact)}
          {row('Market value', was?.marketValue ?? 0n, after.marketValue, money)}
          {row('Realised profit', was?.realisedProfit ?? 0n, after.realisedProfit, exact)}
          {cash !== undefined && props.single && row('Cash of the account', before.cash, before.cash + cash, money)}
        </tbody>
      </table>
    </div>
  );
}

function Links({ customers }: { customers: number[] }) {
  const all = [...new Set(customers)].slice(0, 10);
  return (
    <p>
      {all.map((customer) => (
        <a key={customer} class="button" href={`#operator/accounts/${customer}`}>
          Account {customer}
        </a>
      ))}
    </p>
  );
}
