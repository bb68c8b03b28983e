import { useState } from 'preact/hooks';
import type { Instrument } from '../../client/src/messages.ts';
import { percent, price } from './format.ts';
import { keyOf, matching, tickOf } from './instruments.ts';
import { Panel } from './panel.tsx';
import { store, useStore } from './store.ts';
import { Table, type Column } from './table.tsx';

const columns: Column<Instrument>[] = [
  {
    key: 'code',
    title: 'Instrument',
    width: 'minmax(86px, 1fr)',
    cell: (row) => (
      <span title={`${row.market} ${row.code} ${row.name}`}>
        <strong>{row.code}</strong> <span class="soft">{row.name}</span>
      </span>
    ),
    sort: (row) => keyOf(row),
  },
  {
    key: 'last',
    title: 'Last',
    width: '60px',
    end: true,
    cell: (row) => (row.halted ? <span class="tag">halted</span> : price(row.lastPrice, tickOf(row))),
    sort: (row) => row.lastPrice,
  },
  {
    key: 'move',
    title: 'Move',
    hint: 'Since this page was opened',
    width: '80px',
    end: true,
    cell: (row) => <Move row={row} />,
    sort: (row) => {
      const first = firstOf(row);
      return first === 0n ? 0n : ((row.lastPrice - first) * 1_000_000n) / first;
    },
  },
];

function firstOf(row: Instrument): bigint {
  return store.prices.first(keyOf(row)) ?? row.lastPrice;
}

function Move({ row }: { row: Instrument }) {
  const first = firstOf(row);
  const move = row.lastPrice - first;
  return <span class={move > 0n ? 'gain' : move < 0n ? 'loss' : 'soft'}>{percent(move, first)}</span>;
}

export function Quotes(props: { onOpen: () => void }) {
  const { account } = useStore();
  const [search, setSearch] = useState('');
  const rows = account ? matching<Instrument>(account.quotes.values(), search) : [];
  const first = rows[0];
  return (
    <Panel
      title="Quotes"
      class="quotes"
      help="console/trading"
      tools={
        <input
          id="search"
          type="search"
          placeholder="Search /"
          aria-label="Search instruments by name, code or market"
          autocomplete="off"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && first) {
              store.choose(keyOf(first));
              event.currentTarget.blur();
            } else if (event.key === 'Escape') {
              setSearch('');
              event.currentTarget.blur();
            }
          }}
        />
      }
    >
      <Table
        label="Quotes"
        rows={rows}
        columns={columns}
        rowKey={keyOf}
        chosen={store.chosen}
        onChoose={(row) => store.choose(keyOf(row))}
        onOpen={(row) => {
          store.choose(keyOf(row));
          props.onOpen();
        }}
        empty={search ? `No instrument matches “${search}”.` : store.connection.kind === 'open' ? 'Loading…' : 'Not connected yet.'}
      />
    </Panel>
  );
}
