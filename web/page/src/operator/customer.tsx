import { useEffect, useRef, useState } from 'preact/hooks';
import type { AccountSummary } from '../../../client/src/index.ts';
import { Confirm, Facts } from '../dialog.tsx';
import { money, parsePrice, parseQuantity, quantity } from '../format.ts';
import { store } from '../store.ts';
import { operate, refusal } from './command.ts';

export type CustomerCommand = 'deposit' | 'withdraw' | 'reset' | 'reject' | 'disconnect' | 'hold';

const verbs: Record<CustomerCommand, string> = {
  deposit: 'Deposit',
  withdraw: 'Withdraw',
  reset: 'Reset the account',
  reject: 'Reject next orders',
  disconnect: 'Disconnect',
  hold: 'Hold pushes',
};

const second = 1_000_000_000n;

/** Asks for what a command to a customer needs, says what it does, and does it. */
export function CustomerDialog(props: { command: CustomerCommand; customer: number; name: string; account?: AccountSummary; onClose: () => void; onDone: () => void }) {
  const { command, customer, account } = props;
  const [text, setText] = useState('');
  const [value, setValue] = useState(command === 'hold' ? '30' : command === 'reject' ? '1' : '');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  const cash = command === 'deposit' || command === 'withdraw';
  const amount = (cash ? parsePrice(value) : parseQuantity(value)) ?? 0n;
  const needs = cash || command === 'hold' || command === 'reject';
  // A count of 0 ends the rejections.
  const wrong = needs && (cash ? amount === 0n : command === 'hold' ? amount === 0n || amount > 86_400n : parseQuantity(value) === undefined || amount > 1_000_000n);
  const after = account && cash ? account.cash + (command === 'deposit' ? amount : -amount) : undefined;

  const send = async () => {
    const done = (said: string) => store.toast('good', said);
    const who = `${customer} ${props.name}`.trim();
    switch (command) {
      case 'deposit':
      case 'withdraw': {
        const reply = await operate(command === 'deposit' ? { deposit: { customer, amount, text } } : { withdraw: { customer, amount, text } });
        done(`${who} has ${money(reply.account?.cash ?? 0n)} in cash.`);
        break;
      }
      case 'reset':
        await operate({ reset: { customer, text } });
        done(`The account of ${who} is as it was opened.`);
        break;
      case 'reject':
        await operate({ reject: { customer, count: Number(amount) } });
        done(amount === 0n ? `Orders of ${who} are taken again.` : amount === 1n ? `The next order of ${who} will be rejected.` : `The next ${quantity(amount)} orders of ${who} will be rejected.`);
        break;
      case 'disconnect': {
        const reply = await operate({ disconnect: { customer } });
        done(`${who}: ${reply.count} ${reply.count === 1 ? 'connection' : 'connections'} closed.`);
        break;
      }
      case 'hold': {
        const reply = await operate({ holdPushes: { customer, duration: amount * second } });
        done(`${who}: the pushes to ${reply.count} ${reply.count === 1 ? 'session' : 'sessions'} wait ${quantity(amount)} s.`);
      }
    }
    props.onDone();
  };
  return (
    <Confirm title={`${verbs[command]}: ${customer} ${props.name}`} verb={verbs[command]} danger={command === 'reset' || command === 'disconnect'} disabled={wrong} action={send} explain={refusal} onClose={props.onClose}>
      <p>{says[command]}</p>
      {needs && (
        <label>
          <span>{cash ? 'Amount' : command === 'hold' ? 'Seconds' : 'Orders; 0 ends it'}</span>
          <input ref={input} required inputMode="decimal" autocomplete="off" value={value} onInput={(event) => setValue(event.currentTarget.value)} aria-invalid={value !== '' && wrong} />
        </label>
      )}
      {(cash || command === 'reset') && (
        <label>
          <span>Comment, which the customer sees</span>
          <input ref={cash ? undefined : input} maxLength={120} autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      )}
      {account && (cash || command === 'reset') && (
        <Facts
          facts={[
            ['Cash now', money(account.cash)],
            ['Free now', money(account.freeCash)],
            ['Cash after it', after === undefined || amount === 0n ? '' : money(after)],
            ['Working orders', command === 'reset' && `${quantity(account.workingOrders)}, all are cancelled`],
          ]}
        />
      )}
    </Confirm>
  );
}

const says: Record<CustomerCommand, string> = {
  deposit: 'Adds cash to the account. The sessions of the customer see it at once.',
  withdraw: 'Takes free cash out of the account. The sessions of the customer see it at once.',
  reset: 'Cancels all working orders, and makes cash, positions, profit, fees and deposits those of the opening. History stays.',
  reject: 'Rejects the next new orders of the customer. The server forgets it when it stops.',
  disconnect: 'Closes all connections of the customer without a word. Good clients connect again and resume.',
  hold: 'Pushes to the sessions of the customer wait; then all of them follow. Too many of them cut the connection, and a new login ends it.',
};
