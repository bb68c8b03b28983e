import { useState } from 'preact/hooks';
import { Dialog, Facts } from '../dialog.tsx';
import { bytes, exactTime, quantity, time } from '../format.ts';
import { api } from '../http.ts';
import { Panel } from '../panel.tsx';
import { useStore } from '../store.ts';
import { Table, type Column } from '../table.tsx';
import { CustomerDialog, type CustomerCommand } from './customer.tsx';
import { usePages, useSettled } from './pages.tsx';

type Session = { id: number; customer?: number; name?: string; address: string; dialect: string; connected: string; unsentBytes: number };

const limit = 500;

const when = (row: Session) => BigInt(Date.parse(row.connected)) * 1_000_000n;

const columns: Column<Session>[] = [
  { key: 'id', title: 'Session', width: 'minmax(60px, 0.5fr)', wide: true, cell: (row) => row.id, sort: (row) => row.id },
  { key: 'customer', title: 'Customer', width: 'minmax(72px, 0.5fr)', cell: (row) => (row.customer ? <strong>{row.customer}</strong> : '–'), sort: (row) => row.customer ?? 0 },
  { key: 'name', title: 'Name', width: 'minmax(90px, 1.4fr)', cell: (row) => (row.customer ? <span title={row.name}>{row.name}</span> : <span class="soft">not logged in</span>), sort: (row) => row.name ?? '' },
  { key: 'address', title: 'Address', width: 'minmax(130px, 1fr)', wide: true, cell: (row) => row.address, sort: (row) => row.address },
  { key: 'dialect', title: 'Dialect', width: 'minmax(64px, 0.6fr)', cell: (row) => row.dialect, sort: (row) => row.dialect },
  { key: 'connected', title: 'Connected', width: 'minmax(90px, 0.8fr)', wide: true, cell: (row) => <span title={exactTime(when(row))}>{time(when(row))}</span>, sort: (row) => Date.parse(row.connected) },
  { key: 'unsent', title: 'Unsent', width: 'minmax(64px, 0.6fr)', end: true, cell: (row) => bytes(row.unsentBytes), sort: (row) => row.unsentBytes },
];

export function Sessions() {
  const { session } = useStore();
  const [search, setSearch] = useState('');
  const settled = useSettled(search);
  const [chosen, setChosen] = useState('');
  const [shown, setShown] = useState<Session>();
  const [command, setCommand] = useState<{ command: CustomerCommand; customer: number; name: string }>();
  const [matches, setMatches] = useState(0);
  const pages = usePages<Session, never>(
    async () => {
      const found = await api<{ sessions: Session[]; matches: number }>(`/api/sessions?search=${encodeURIComponent(settled)}&limit=${limit}`);
      setMatches(found.matches);
      return { rows: found.sessions, next: undefined };
    },
    [settled],
    2,
  );
  const row = pages.rows.find((one) => String(one.id) === chosen);
  const start = (wanted: CustomerCommand, of: Session) => {
    if (!of.customer) return false;
    setShown(undefined);
    setCommand({ command: wanted, customer: of.customer, name: of.name ?? '' });
    return true;
  };
  const buttons = (of: Session | undefined) =>
    session?.operator && (
      <>
        <button type="button" class="small" disabled={!of?.customer} onClick={() => start('hold', of!)}>
          Hold pushes
        </button>
        <button type="button" class="small" disabled={!of?.customer} onClick={() => start('disconnect', of!)}>
          Disconnect
        </button>
      </>
    );
  return (
    <>
      <Panel
        title="Sessions"
        help="console/operating"
        tools={
          <>
            <span class="soft">{matches > pages.rows.length ? `${quantity(pages.rows.length)} of ${quantity(matches)}` : quantity(matches)}</span>
            <input type="search" aria-label="Search sessions" placeholder="customer, name, address" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
            {buttons(row)}
          </>
        }
      >
        <Table
          label="Sessions, newest first"
          rows={pages.rows}
          columns={columns}
          rowKey={(one) => String(one.id)}
          chosen={chosen}
          onChoose={(one) => setChosen(String(one.id))}
          onOpen={setShown}
          onKey={(key, one) => session?.operator === true && ((key === 'Delete' && start('disconnect', one)) || (key === 'h' && start('hold', one)))}
          empty={pages.busy ? 'Loading…' : 'No session matches.'}
          foot={pages.foot}
        />
      </Panel>
      {shown && (
        <Dialog title={`Session ${shown.id}`} onClose={() => setShown(undefined)}>
          <Facts
            facts={[
              ['Customer', shown.customer ? `${shown.customer} ${shown.name}` : 'not logged in'],
              ['Address', shown.address],
              ['Dialect', shown.dialect],
              ['Connected', exactTime(when(shown))],
              ['Unsent output', bytes(shown.unsentBytes)],
            ]}
          />
          <footer>
            {buttons(shown)}
            {shown.customer && (
              <a class="button" href={`#operator/accounts/${shown.customer}`}>
                Account
              </a>
            )}
          </footer>
        </Dialog>
      )}
      {command && <CustomerDialog {...command} onClose={() => setCommand(undefined)} onDone={pages.refresh} />}
    </>
  );
}
