import { useEffect, useState } from 'preact/hooks';
import type { AccountSummary } from '../../../client/src/index.ts';
import type { Customer, Execution, Order, Position } from '../../../client/src/messages.ts';
import { exact, id, money, price, quantity } from '../format.ts';
import { useNarrow } from '../hooks.ts';
import { keyOf, tickOf } from '../instruments.ts';
import { OrderDialog, orderColumns } from '../orders.tsx';
import { Panel, Totals } from '../panel.tsx';
import { Profit } from '../profit.tsx';
import { store, useStore } from '../store.ts';
import { Table, type Column } from '../table.tsx';
import { ExecutionDialog, executionColumns, type Find } from '../tape.tsx';
import { guarded, operate } from './command.ts';
import { CustomerDialog, type CustomerCommand } from './customer.tsx';
import { usePages } from './pages.tsx';

const roleOf = (row: Customer) => (row.operator ? 'operator' : row.viewer ? 'viewer' : '');

const customerColumns: Column<Customer>[] = [
  { key: 'customer', title: 'Customer', width: 'minmax(70px, 0.8fr)', cell: (row) => <strong>{row.customer}</strong>, sort: (row) => row.customer },
  { key: 'name', title: 'Name', width: 'minmax(90px, 1.6fr)', cell: (row) => <span title={row.name}>{row.name}</span>, sort: (row) => row.name },
  { key: 'role', title: 'Role', width: 'minmax(56px, 0.6fr)', cell: roleOf, sort: roleOf },
];

/** All customers, and one account in detail. at is its number. */
export function Accounts({ at }: { at: string }) {
  const narrow = useNarrow();
  const [search, setSearch] = useState('');
  const number = /^\d{1,10}$/.test(at) ? Number(at) : 0;
  const pages = usePages<Customer, number>(async (after) => {
    const reply = await operate({ customers: { limit: 1000, after: after ?? 0 } });
    return { rows: reply.customers, next: reply.more ? reply.customers.at(-1)?.customer : undefined };
  }, []);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = pages.rows.filter((row) => words.every((word) => `${row.customer} ${row.name} ${roleOf(row)}`.toLowerCase().includes(word)));
  const open = (customer: number | string) => void (location.hash = `#operator/accounts/${customer}`);
  const exactly = /^\s*\d{1,10}\s*$/.test(search);
  if (narrow && number > 0) return <Account key={number} customer={number} back />;
  return (
    <div class="accounts">
      <Panel
        title="Customers"
        tools={
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (exactly) open(search.trim());
              else if (rows[0]) open(rows[0].customer);
            }}
          >
            <input type="search" aria-label="Search customers by number or name" placeholder="number or name" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          </form>
        }
      >
        <Table
          label="Customers"
          rows={rows}
          columns={customerColumns}
          rowKey={(row) => String(row.customer)}
          chosen={number > 0 ? String(number) : undefined}
          onChoose={narrow ? undefined : (row) => open(row.customer)}
          onOpen={(row) => open(row.customer)}
          empty={pages.busy ? 'Loading…' : pages.all ? 'No customer matches.' : 'No customer of these pages matches: load more, or press Enter on a number.'}
          foot={
            pages.foot && (
              <>
                {quantity(pages.rows.length)} loaded. {pages.foot}
              </>
            )
          }
        />
      </Panel>
      {number > 0 ? <Account key={number} customer={number} /> : !narrow && <p class="nothing">Choose a customer.</p>}
    </div>
  );
}

type View = 'positions' | 'working' | 'executions' | 'orders';

const views: [view: View, title: string][] = [
  ['positions', 'Positions'],
  ['working', 'Working'],
  ['executions', 'Executions'],
  ['orders', 'All orders'],
];

const commands: [command: CustomerCommand, title: string][] = [
  ['deposit', 'Deposit'],
  ['withdraw', 'Withdraw'],
  ['reset', 'Reset'],
  ['reject', 'Reject next orders'],
  ['hold', 'Hold pushes'],
  ['disconnect', 'Disconnect'],
];

function Account({ customer, back }: { customer: number; back?: boolean }) {
  const { session } = useStore();
  const [view, setView] = useState<View>('positions');
  const [summary, setSummary] = useState<AccountSummary>();
  const [command, setCommand] = useState<CustomerCommand>();
  const [changes, setChanges] = useState(0);
  const name = summary?.name ?? '';
  return (
    <Panel
      title={`${customer} ${name}`}
      help="console/operating"
      class="account"
      tools={
        back && (
          <a class="button" href="#operator/accounts">
            Customers
          </a>
        )
      }
    >
      {summary && (
        <Totals
          totals={[
            ['Cash', money(summary.cash)],
            ['Free', money(summary.freeCash)],
            ['Frozen', money(summary.frozenCash)],
            ['Unsettled', money(summary.unsettledCash)],
            ['Market value', money(summary.marketValue)],
            ['Realised', <Profit amount={summary.realisedProfit} />],
            ['Fees', money(summary.fees)],
            ['Deposits', money(summary.deposits)],
            ['Working orders', quantity(summary.workingOrders)],
          ]}
        />
      )}
      {session?.operator && (
        <div class="commands" role="group" aria-label={`Commands to ${customer}`}>
          {commands.map(([one, title]) => (
            <button key={one} type="button" onClick={() => setCommand(one)}>
              {title}
            </button>
          ))}
        </div>
      )}
      <div class="switch views" role="group" aria-label="Show">
        {views.map(([one, title]) => (
          <button key={one} type="button" aria-pressed={view === one} onClick={() => setView(one)}>
            {title}
          </button>
        ))}
      </div>
      <Positions customer={customer} onSummary={setSummary} changes={changes} hidden={view !== 'positions'} />
      {view === 'working' && <Orders customer={customer} changes={changes} />}
      {view === 'orders' && <Orders customer={customer} changes={changes} history />}
      {view === 'executions' && <Executions customer={customer} changes={changes} />}
      {command && <CustomerDialog command={command} customer={customer} name={name} account={summary} onClose={() => setCommand(undefined)} onDone={() => setChanges((n) => n + 1)} />}
    </Panel>
  );
}

const priced = (row: { market: string; code: string }, amount: bigint) => price(amount, tickOf(store.instrument(keyOf(row))));

const positionColumns: Column<Position>[] = [
  { key: 'code', title: 'Instrument', width: 'minmax(96px, 1fr)', cell: (row) => <strong>{keyOf(row)}</strong>, sort: keyOf },
  { key: 'quantity', title: 'Quantity', width: 'minmax(70px, 0.8fr)', end: true, cell: (row) => quantity(row.quantity), sort: (row) => row.quantity },
  { key: 'sellable', title: 'Sellable', width: 'minmax(64px, 0.7fr)', end: true, wide: true, cell: (row) => quantity(row.sellable), sort: (row) => row.sellable },
  { key: 'cost', title: 'Average cost', width: 'minmax(84px, 0.8fr)', end: true, wide: true, cell: (row) => exact(row.averageCost), sort: (row) => row.averageCost },
  { key: 'last', title: 'Last', width: 'minmax(64px, 0.7fr)', end: true, wide: true, cell: (row) => priced(row, row.lastPrice), sort: (row) => row.lastPrice },
  { key: 'value', title: 'Value', width: 'minmax(84px, 0.9fr)', end: true, cell: (row) => money(row.marketValue), sort: (row) => row.marketValue },
  { key: 'unrealised', title: 'Profit', width: 'minmax(76px, 0.9fr)', end: true, cell: (row) => <Profit amount={row.unrealisedProfit} />, sort: (row) => row.unrealisedProfit },
  { key: 'realised', title: 'Realised', width: 'minmax(76px, 0.9fr)', end: true, wide: true, cell: (row) => <Profit amount={row.realisedProfit} />, sort: (row) => row.realisedProfit },
];

/** The positions; their answer also has the account, so it is asked for while another list is there. */
function Positions(props: { customer: number; changes: number; hidden: boolean; onSummary: (summary: AccountSummary) => void }) {
  const { customer } = props;
  const pages = usePages<Position, { market: string; code: string }>(
    async (after) => {
      const reply = await guarded(store.request('Positions', { customer, limit: 1000, after }));
      if (reply.account) props.onSummary(reply.account);
      const last = reply.positions.at(-1);
      return { rows: reply.positions, next: reply.more && last ? { market: last.market, code: last.code } : undefined };
    },
    [customer],
    3,
  );
  useEffect(() => void (props.changes > 0 && pages.refresh()), [props.changes]);
  if (props.hidden) return null;
  return <Table label={`Positions of ${customer}`} rows={pages.rows} columns={positionColumns} rowKey={keyOf} empty={pages.busy ? 'Loading…' : 'No positions.'} foot={pages.foot} />;
}

function Orders({ customer, changes, history }: { customer: number; changes: number; history?: boolean }) {
  const [shown, setShown] = useState<Order>();
  const pages = usePages<Order, bigint>(
    async (after) => {
      const reply = await guarded(
        store.request('Orders', history ? { customer, history: true, limit: 200, beforeOrderId: after ?? 0n, historyId: store.historyId } : { customer, limit: 1000, afterOrderId: after ?? 0n, historyId: store.historyId }),
      );
      if (history) return { rows: reply.orders, next: reply.nextBeforeOrderId || undefined };
      return { rows: reply.orders, next: reply.more ? reply.orders.at(-1)?.orderId : undefined };
    },
    [customer, changes],
    3,
  );
  return (
    <>
      <Table label={`Orders of ${customer}`} rows={pages.rows} columns={[idColumn, ...orderColumns]} rowKey={(row) => String(row.orderId)} onOpen={setShown} empty={pages.busy ? 'Loading…' : history ? 'No orders.' : 'No working orders.'} foot={pages.foot} />
      {shown && <OrderDialog order={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

const idColumn: Column<Order> = { key: 'id', title: 'Order', width: 'minmax(84px, 0.8fr)', wide: true, cell: (row) => id(row.orderId), sort: (row) => row.orderId };

function Executions({ customer, changes }: { customer: number; changes: number }) {
  const { session } = useStore();
  const [chosen, setChosen] = useState('');
  const [shown, setShown] = useState<Execution>();
  const pages = usePages<Execution, bigint>(
    async (before) => {
      const reply = await guarded(store.request('History', { customer, limit: 200, beforeExecutionId: before ?? 0n, historyId: store.historyId }));
      return { rows: reply.executions, next: reply.nextBeforeExecutionId || undefined };
    },
    [customer, changes],
    3,
  );
  const find: Find = (executionId) => pages.rows.find((row) => row.executionId === executionId);
  const go = (executionId: bigint) => setChosen(String(executionId));
  const open = (row: Execution) => {
    if (session?.operator && !row.busted) location.hash = `#operator/bust/${id(row.executionId)}`;
    else setShown(row);
  };
  return (
    <>
      {session?.operator && <p class="hint">Enter, or a double click, on an execution opens its bust or correction.</p>}
      <Table
        label={`Executions of ${customer}, newest first`}
        rows={pages.rows}
        columns={executionColumns(find, go)}
        rowKey={(row) => String(row.executionId)}
        rowClass={(row) => (row.busted ? 'busted' : '')}
        chosen={chosen}
        onChoose={(row) => go(row.executionId)}
        onOpen={open}
        empty={pages.busy ? 'Loading…' : 'No executions.'}
        foot={pages.foot}
      />
      {shown && <ExecutionDialog execution={shown} find={find} onClose={() => setShown(undefined)} onGo={(executionId) => setShown(find(executionId))} />}
    </>
  );
}
