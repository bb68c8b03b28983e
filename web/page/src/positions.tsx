import { useState } from 'preact/hooks';
import type { Position } from '../../client/src/messages.ts';
import { Dialog, Facts } from './dialog.tsx';
import { exact, money, percent, price, quantity } from './format.ts';
import { keyOf, tickOf } from './instruments.ts';
import { Panel, Totals } from './panel.tsx';
import { Profit } from './profit.tsx';
import { store, useStore } from './store.ts';
import { Table, type Column } from './table.tsx';

const nameOf = (row: Position) => store.instrument(keyOf(row))?.name ?? '';
const priced = (amount: bigint, row: Position) => price(amount, tickOf(store.instrument(keyOf(row))));
const costOf = (row: Position) => row.marketValue - row.unrealisedProfit;

const columns: Column<Position>[] = [
  {
    key: 'code',
    title: 'Instrument',
    width: 'minmax(90px, 2fr)',
    cell: (row) => (
      <span title={`${row.market} ${row.code} ${nameOf(row)}`}>
        <strong>{row.code}</strong> <span class="soft">{nameOf(row)}</span>
      </span>
    ),
    sort: keyOf,
  },
  { key: 'quantity', title: 'Quantity', width: 'minmax(62px, 0.8fr)', end: true, cell: (row) => quantity(row.quantity), sort: (row) => row.quantity },
  { key: 'cost', title: 'Avg cost', width: 'minmax(66px, 0.8fr)', end: true, wide: true, cell: (row) => exact(row.averageCost), sort: (row) => row.averageCost },
  { key: 'last', title: 'Last', width: 'minmax(56px, 0.7fr)', end: true, wide: true, cell: (row) => priced(row.lastPrice, row), sort: (row) => row.lastPrice },
  { key: 'value', title: 'Value', width: 'minmax(84px, 1fr)', end: true, cell: (row) => money(row.marketValue), sort: (row) => row.marketValue },
  { key: 'profit', title: 'Profit', hint: 'Not realised: value minus cost', width: 'minmax(80px, 1fr)', end: true, cell: (row) => <Profit amount={row.unrealisedProfit} />, sort: (row) => row.unrealisedProfit },
  { key: 'percent', title: '%', hint: 'Profit in percent of the cost', width: '82px', end: true, wide: true, cell: (row) => percent(row.unrealisedProfit, costOf(row)), sort: (row) => (costOf(row) === 0n ? 0n : (row.unrealisedProfit * 1_000_000n) / costOf(row)) },
  { key: 'realised', title: 'Realised', hint: 'Profit of what was sold', width: 'minmax(76px, 0.9fr)', end: true, wide: true, cell: (row) => <Profit amount={row.realisedProfit} />, sort: (row) => row.realisedProfit },
];

export function Positions(props: { onOpen: (side: 'SIDE_BUY' | 'SIDE_SELL') => void }) {
  const { account, chosen, summary: own } = useStore();
  const [shown, setShown] = useState('');
  const rows = account ? [...account.positions.values()].filter((row) => row.quantity !== 0n || row.frozen !== 0n) : [];
  let value = 0n;
  let unrealised = 0n;
  for (const row of rows) {
    value += row.marketValue;
    unrealised += row.unrealisedProfit;
  }
  const opened = rows.find((row) => keyOf(row) === shown);
  return (
    <Panel title="Positions" help="console/trading" class="positions" tools={<span class="soft">{quantity(rows.length)}</span>}>
      {own && (
        <Totals
          totals={[
            ['Equity', money(own.cash + value), 'Cash and the value of all positions'],
            ['Unrealised', <Profit amount={unrealised} />, 'Value minus cost of all positions'],
            ['Realised', <Profit amount={own.realisedProfit} />, 'Profit of what was sold'],
            ['Free cash', money(own.freeCash), 'What a new order can spend: cash - frozen - not yet settled'],
            ['Frozen', money(own.frozenCash), 'For working buys'],
            ['Not settled', money(own.unsettledCash), 'Proceeds of sells that can not be spent yet'],
            ['Cash', money(own.cash)],
            ['Positions', money(value), 'The value of all positions at the last prices'],
            ['Fees', money(own.fees), 'Fees of buys which are in no cost and no profit'],
            ...(own.deposits === 0n ? [] : [['Deposits', money(own.deposits), 'Minus withdrawals'] as [string, string, string]]),
          ]}
        />
      )}
      <Table
        label="Positions"
        rows={rows}
        columns={columns}
        rowKey={keyOf}
        chosen={chosen}
        onChoose={(row) => store.choose(keyOf(row))}
        onOpen={(row) => setShown(keyOf(row))}
        sort={{ key: 'code', down: false }}
        empty={account && !account.loading ? 'No positions. Choose an instrument and press B to buy.' : 'Loading…'}
      />
      {opened && (
        <Dialog title={`${opened.market} ${opened.code} ${nameOf(opened)}`} onClose={() => setShown('')}>
          <Facts
            facts={[
              ['Quantity', quantity(opened.quantity)],
              ['Sellable', quantity(opened.sellable)],
              ['Frozen for working sells', quantity(opened.frozen)],
              ['Average cost', exact(opened.averageCost)],
              ['Last price', priced(opened.lastPrice, opened)],
              ['Value', exact(opened.marketValue)],
              ['Profit, not realised', <Profit amount={opened.unrealisedProfit} />],
              ['In percent of the cost', percent(opened.unrealisedProfit, costOf(opened))],
              ['Profit, realised', <Profit amount={opened.realisedProfit} />],
            ]}
          />
          <footer>
            <button type="button" onClick={() => (setShown(''), props.onOpen('SIDE_BUY'))}>
              Buy more
            </button>
            <button type="button" onClick={() => (setShown(''), props.onOpen('SIDE_SELL'))}>
              Sell
            </button>
          </footer>
        </Dialog>
      )}
    </Panel>
  );
}
