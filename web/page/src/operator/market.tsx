import { useState } from 'preact/hooks';
import type { Instrument } from '../../../client/src/messages.ts';
import { Confirm } from '../dialog.tsx';
import { exactTime, parsePrice, price, quantity } from '../format.ts';
import { bandOf, keyOf, matching, tickOf } from '../instruments.ts';
import { Panel, Totals } from '../panel.tsx';
import { useStore, store } from '../store.ts';
import { Table, type Column } from '../table.tsx';
import { operate, refusal } from './command.ts';
import { useFigures } from './figures.ts';
import { usePages } from './pages.tsx';

const priced = (row: Instrument, amount: bigint) => price(amount, tickOf(row));

const columns: Column<Instrument>[] = [
  { key: 'code', title: 'Instrument', width: 'minmax(100px, 0.8fr)', cell: (row) => <strong>{keyOf(row)}</strong>, sort: keyOf },
  { key: 'name', title: 'Name', width: 'minmax(90px, 1.6fr)', wide: true, cell: (row) => <span title={row.name}>{row.name}</span>, sort: (row) => row.name },
  { key: 'last', title: 'Last', width: 'minmax(70px, 0.6fr)', end: true, cell: (row) => priced(row, row.lastPrice), sort: (row) => row.lastPrice },
  { key: 'band', title: 'Band of today', width: 'minmax(110px, 1fr)', end: true, wide: true, cell: (row) => bandOf(row, (amount) => priced(row, amount)) || 'none' },
  { key: 'lot', title: 'Lot', width: 'minmax(50px, 0.4fr)', end: true, wide: true, cell: (row) => quantity(row.lotSize), sort: (row) => row.lotSize },
  { key: 'state', title: 'State', width: 'minmax(70px, 0.5fr)', cell: (row) => (row.halted ? <span class="tag loss">halted</span> : 'traded'), sort: (row) => (row.halted ? 1 : 0) },
];

type Action = { kind: 'halt' | 'resume'; market: string; code: string } | { kind: 'jump'; of: Instrument };

export function Market() {
  const { session, account } = useStore();
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState('');
  const [action, setAction] = useState<Action>();
  // Whether an instrument is halted is in no push.
  const pages = usePages<Instrument, { market: string; code: string }>(
    async (after) => {
      const all: Instrument[] = [];
      for (let more = true; more; ) {
        const reply = await store.request('Quotes', { limit: 1000, after });
        all.push(...reply.instruments);
        after = reply.instruments.at(-1);
        more = reply.more && after !== undefined;
        if (after) after = { market: after.market, code: after.code };
      }
      return { rows: all, next: undefined };
    },
    [],
    3,
  );
  const rows = matching(pages.rows, search).map((row) => ({ ...row, lastPrice: account?.quotes.get(keyOf(row))?.lastPrice ?? row.lastPrice }));
  const row = pages.rows.find((one) => keyOf(one) === chosen);
  const halt = (of: Instrument): Action => ({ kind: of.halted ? 'resume' : 'halt', market: of.market, code: of.code });
  const operator = session?.operator === true;
  return (
    <>
      <Clock />
      <Panel
        title="Instruments"
        help="console/operating"
        tools={
          <>
            <input type="search" aria-label="Search instruments" placeholder="code, name, market" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
            {operator && (
              <>
                <button type="button" class="small" disabled={!row} onClick={() => setAction({ kind: 'jump', of: row! })}>
                  Jump to a price
                </button>
                <button type="button" class="small" disabled={!row} onClick={() => setAction(halt(row!))}>
                  {row?.halted ? 'Resume' : 'Halt'}
                </button>
                <button type="button" class="small" onClick={() => setAction({ kind: 'halt', market: '', code: '' })}>
                  Halt all
                </button>
                <button type="button" class="small" onClick={() => setAction({ kind: 'resume', market: '', code: '' })}>
                  Resume all
                </button>
              </>
            )}
          </>
        }
      >
        <Table
          label="Instruments"
          rows={rows}
          columns={columns}
          rowKey={keyOf}
          sort={{ key: 'code', down: false }}
          chosen={chosen}
          onChoose={(one) => setChosen(keyOf(one))}
          onOpen={operator ? (one) => setAction({ kind: 'jump', of: one }) : undefined}
          onKey={(key, one) => operator && key === 'h' && (setAction(halt(one)), true)}
          rowClass={(one) => (one.halted ? 'halted' : '')}
          empty={pages.busy ? 'Loading…' : 'No instrument matches.'}
          foot={pages.foot}
        />
      </Panel>
      {action?.kind === 'jump' && <Jump of={action.of} onClose={() => setAction(undefined)} onDone={pages.refresh} />}
      {action && action.kind !== 'jump' && <Halt {...action} onClose={() => setAction(undefined)} onDone={pages.refresh} />}
    </>
  );
}

function Halt(props: { kind: 'halt' | 'resume'; market: string; code: string; onClose: () => void; onDone: () => void }) {
  const { kind, code } = props;
  const [market, setMarket] = useState(props.market);
  const { account } = useStore();
  const markets = [...new Set([...(account?.quotes.values() ?? [])].map((one) => one.market))].sort();
  const what = code !== '' ? `${market}/${code}` : market === '' ? 'all markets' : `the market ${market}`;
  const verb = kind === 'halt' ? 'Halt' : 'Resume';
  const send = async () => {
    const reply = await operate(kind === 'halt' ? { halt: { market, code } } : { resume: { market, code } });
    store.toast('good', `${kind === 'halt' ? 'Halted' : 'Traded again'}: ${reply.count} ${reply.count === 1 ? 'instrument' : 'instruments'}.`);
    props.onDone();
  };
  return (
    <Confirm title={`${verb} ${what}`} verb={`${verb} ${what}`} danger={kind === 'halt'} action={send} explain={refusal} onClose={props.onClose}>
      <p>{kind === 'halt' ? 'New orders are rejected with HALTED until trading is resumed. Working orders stay.' : 'Orders are taken and executed again.'}</p>
      {code === '' && (
        <label>
          <span>Market</span>
          <select value={market} onChange={(event) => setMarket(event.currentTarget.value)}>
            <option value="">All</option>
            {markets.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      )}
    </Confirm>
  );
}

function Jump(props: { of: Instrument; onClose: () => void; onDone: () => void }) {
  const { of } = props;
  const [text, setText] = useState('');
  const wanted = parsePrice(text) ?? 0n;
  const send = async () => {
    await operate({ jump: { market: of.market, code: of.code, price: wanted } });
    store.toast('good', `${keyOf(of)} is at ${priced(of, wanted)}.`);
    props.onDone();
  };
  return (
    <Confirm title={`Jump: ${keyOf(of)} ${of.name}`} verb={wanted > 0n ? `Jump to ${priced(of, wanted)}` : 'Jump'} disabled={wanted === 0n} action={send} explain={refusal} onClose={props.onClose}>
      <p>The last price moves at once from {priced(of, of.lastPrice)}. Working orders that it reaches are executed.</p>
      <label>
        <span>Price</span>
        <input required inputMode="decimal" autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-invalid={text !== '' && wanted === 0n} />
      </label>
    </Confirm>
  );
}

const units: [name: string, nanoseconds: bigint][] = [
  ['seconds', 1_000_000_000n],
  ['minutes', 60_000_000_000n],
  ['hours', 3_600_000_000_000n],
];

/** The trading clock, and what moves the market; only a stepped clock has a command. */
function Clock() {
  const { session } = useStore();
  const { samples, failure } = useFigures();
  const market = samples.at(-1)?.figures.market;
  const [text, setText] = useState('1');
  const [unit, setUnit] = useState(units[1]![0]);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const count = /^\d{1,6}$/.test(text.trim()) ? BigInt(text.trim()) : 0n;
  const step = async (event: Event) => {
    event.preventDefault();
    if (busy || count === 0n) return;
    setBusy(true);
    setProblem('');
    try {
      const reply = await operate({ step: { duration: count * units.find(([name]) => name === unit)![1] } });
      store.toast('good', `The clock is at ${exactTime(reply.time)}.`);
    } catch (error) {
      setProblem(refusal(error));
    }
    setBusy(false);
  };
  return (
    <Panel title="Trading clock" help="console/operating" class="clock">
      {market ? (
        <Totals
          totals={[
            ['Clock', market.clock],
            ['Time', exactTime(BigInt(Date.parse(market.time)) * 1_000_000n).slice(0, 19)],
            ['Speed', `× ${market.speed}`],
            ['Script', market.script || 'none'],
            ['Preset', market.preset || 'none'],
          ]}
        />
      ) : (
        <p class="nothing">{failure || 'Loading…'}</p>
      )}
      {session?.operator && market?.clock === 'stepped' && (
        <form class="stepping" onSubmit={step} aria-label="Step the clock">
          <input aria-label="How far" inputMode="numeric" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-invalid={count === 0n} />
          <select aria-label="Unit" value={unit} onChange={(event) => setUnit(event.currentTarget.value)}>
            {units.map(([name]) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          <button type="submit" disabled={busy || count === 0n}>
            Step
          </button>
          <span class="failure" role="alert">
            {problem}
          </span>
        </form>
      )}
    </Panel>
  );
}
