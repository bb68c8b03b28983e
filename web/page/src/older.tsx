import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Execution, ExecutionState, Order, OrderStatus, Side } from '../../client/src/messages.ts';
import { explain } from './explain.ts';
import { id, parseLocal } from './format.ts';
import { useRoute } from './hooks.ts';
import { OrderDialog, orderColumns } from './orders.tsx';
import { Panel } from './panel.tsx';
import { store, useStore } from './store.ts';
import { Table, type Column } from './table.tsx';
import { ExecutionDialog, executionColumns, type Find } from './tape.tsx';
import { causes, statuses, word } from './words.ts';

type Filter = { market: string; code: string; side: Side; from: string; to: string; state: string };

const noFilter: Filter = { market: '', code: '', side: 'SIDE_UNSPECIFIED', from: '', to: '', state: '' };

/** Orders and executions of any age, page by page, with filters. */
export function Older() {
  const { rest } = useRoute();
  const executions = rest === 'executions';
  return (
    <div class="older">
      <nav class="switch" aria-label="Orders or executions">
        <a href="#orders" aria-current={executions ? undefined : 'page'}>
          Orders
        </a>
        <a href="#orders/executions" aria-current={executions ? 'page' : undefined}>
          Executions
        </a>
      </nav>
      {executions ? <OldExecutions /> : <OldOrders />}
    </div>
  );
}

type Page<R> = { rows: R[]; next: bigint };

/** Pages of rows, newest first. A change of the filter begins anew. */
function usePages<R>(load: (filter: Filter, before: bigint) => Promise<Page<R>>, connected: boolean) {
  const [filter, setFilter] = useState(noFilter);
  const [rows, setRows] = useState<R[]>([]);
  const [next, setNext] = useState<bigint>(0n);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const asked = useRef(0);
  const ask = async (wanted: Filter, before: bigint) => {
    const mine = ++asked.current;
    setBusy(true);
    setFailure('');
    try {
      const page = await load(wanted, before);
      if (mine !== asked.current) return;
      setRows((old) => (before === 0n ? page.rows : [...old, ...page.rows]));
      setNext(page.next);
    } catch (error) {
      if (mine === asked.current) setFailure(explain(error));
    }
    if (mine === asked.current) setBusy(false);
  };
  useEffect(() => {
    if (!connected) return;
    const timer = setTimeout(() => void ask(filter, 0n), 200);
    return () => clearTimeout(timer);
  }, [filter, connected]);
  const foot =
    failure !== '' ? (
      <span class="failure">
        {failure}{' '}
        <button type="button" class="small" onClick={() => void ask(filter, next)}>
          Try again
        </button>
      </span>
    ) : busy ? (
      'Loading…'
    ) : next !== 0n ? (
      <button type="button" onClick={() => void ask(filter, next)}>
        Load older ones
      </button>
    ) : rows.length > 0 ? (
      'These are all.'
    ) : undefined;
  return { filter, setFilter, rows, foot, refresh: () => void ask(filter, 0n), busy };
}

function query(filter: Filter) {
  return {
    market: filter.market.trim(),
    code: filter.code.trim(),
    side: filter.side,
    fromTime: parseLocal(filter.from),
    toTime: parseLocal(filter.to),
    historyId: store.historyId,
  };
}

function OldOrders() {
  const { connection } = useStore();
  const [shown, setShown] = useState<Order>();
  const pages = usePages<Order>(async (filter, before) => {
    const reply = await store.request('Orders', {
      ...query(filter),
      history: true,
      limit: 200,
      beforeOrderId: before,
      statuses: filter.state === '' ? [] : (filter.state.split(',') as OrderStatus[]),
    });
    return { rows: reply.orders, next: reply.nextBeforeOrderId };
  }, connection.kind === 'open');
  const columns = useMemo<Column<Order>[]>(
    () => [
      { key: 'id', title: 'Order', width: 'minmax(90px, 0.7fr)', wide: true, cell: (row) => id(row.orderId), sort: (row) => row.orderId },
      ...orderColumns,
      { key: 'cause', title: 'Because', width: 'minmax(120px, 1.6fr)', wide: true, cell: (row) => <span title={word(causes, row.cause)}>{word(causes, row.cause)}</span>, sort: (row) => row.cause },
      { key: 'client', title: 'Client order id', width: 'minmax(110px, 1.2fr)', wide: true, cell: (row) => <span title={row.clientOrderId}>{row.clientOrderId}</span>, sort: (row) => row.clientOrderId },
    ],
    [],
  );
  const states: [string, string][] = [
    ['', 'All'],
    ['ORDER_STATUS_NEW,ORDER_STATUS_PARTIALLY_FILLED', 'Working'],
    ...(['ORDER_STATUS_FILLED', 'ORDER_STATUS_CANCELLED', 'ORDER_STATUS_EXPIRED'] as const).map((name): [string, string] => [name, statuses[name]!]),
  ];
  return (
    <Panel title="Orders" help="console/trading" tools={<Refresh pages={pages} />}>
      <Filters filter={pages.filter} onChange={pages.setFilter} states={states} />
      <Table label="Orders, newest first" rows={pages.rows} columns={columns} rowKey={(row) => String(row.orderId)} onOpen={setShown} empty={pages.busy ? 'Loading…' : 'No order matches.'} foot={pages.foot} />
      {shown && <OrderDialog order={shown} onClose={() => setShown(undefined)} />}
    </Panel>
  );
}

function OldExecutions() {
  const { account, connection } = useStore();
  const [chosen, setChosen] = useState('');
  const [shown, setShown] = useState<Execution>();
  const pages = usePages<Execution>(async (filter, before) => {
    const reply = await store.request('History', {
      ...query(filter),
      limit: 200,
      beforeExecutionId: before,
      state: (filter.state || 'EXECUTION_STATE_UNSPECIFIED') as ExecutionState,
    });
    return { rows: reply.executions, next: reply.nextBeforeExecutionId };
  }, connection.kind === 'open');
  // A bust while the page is open is a push: the executions of the tape have it.
  const newer = new Map((account?.executions ?? []).map((row) => [row.executionId, row]));
  const rows = pages.rows.map((row) => newer.get(row.executionId) ?? row);
  const find: Find = (executionId) => rows.find((row) => row.executionId === executionId) ?? newer.get(executionId);
  const go = (executionId: bigint) => (find(executionId) ? setChosen(String(executionId)) : store.toast('', `Execution ${id(executionId)} is not in this list: load older ones, or change the filter.`));
  const states: [string, string][] = [
    ['', 'All'],
    ['EXECUTION_STATE_STANDING', 'Neither busted nor corrected'],
    ['EXECUTION_STATE_BUSTED', 'Busted or corrected'],
  ];
  return (
    <Panel title="Executions" help="console/trading" tools={<Refresh pages={pages} />}>
      <Filters filter={pages.filter} onChange={pages.setFilter} states={states} />
      <Table
        label="Executions, newest first"
        rows={rows}
        columns={executionColumns(find, go)}
        rowKey={(row) => String(row.executionId)}
        rowClass={(row) => (row.busted ? 'busted' : '')}
        chosen={chosen}
        onChoose={(row) => setChosen(String(row.executionId))}
        onOpen={setShown}
        empty={pages.busy ? 'Loading…' : 'No execution matches.'}
        foot={pages.foot}
      />
      {shown && <ExecutionDialog execution={find(shown.executionId) ?? shown} find={find} onClose={() => setShown(undefined)} onGo={(executionId) => setShown(find(executionId))} />}
    </Panel>
  );
}

function Refresh({ pages }: { pages: { refresh: () => void; busy: boolean } }) {
  return (
    <button type="button" class="small" disabled={pages.busy} onClick={pages.refresh}>
      Load anew
    </button>
  );
}

function Filters(props: { filter: Filter; onChange: (filter: Filter) => void; states: [value: string, title: string][] }) {
  const { filter, onChange } = props;
  const set = (name: keyof Filter) => (event: { currentTarget: { value: string } }) => onChange({ ...filter, [name]: event.currentTarget.value });
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
      <label>
        <span>Market</span>
        <input value={filter.market} onInput={set('market')} autocomplete="off" />
      </label>
      <label>
        <span>Code</span>
        <input value={filter.code} onInput={set('code')} autocomplete="off" />
      </label>
      <label>
        <span>Side</span>
        <select value={filter.side} onChange={set('side')}>
          <option value="SIDE_UNSPECIFIED">Both</option>
          <option value="SIDE_BUY">Buy</option>
          <option value="SIDE_SELL">Sell</option>
        </select>
      </label>
      <label>
        <span>State</span>
        <select value={filter.state} onChange={set('state')}>
          {props.states.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>From</span>
        <input type="datetime-local" value={filter.from} onInput={set('from')} />
      </label>
      <label>
        <span>To, exclusive</span>
        <input type="datetime-local" value={filter.to} onInput={set('to')} />
      </label>
      <button type="button" onClick={() => onChange(noFilter)}>
        Clear
      </button>
    </form>
  );
}
