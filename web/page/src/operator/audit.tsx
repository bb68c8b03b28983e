import { useState } from 'preact/hooks';
import type { AuditEntry } from '../../../client/src/messages.ts';
import { Dialog, Facts } from '../dialog.tsx';
import { exactTime, parseLocal, quantity, time } from '../format.ts';
import { Panel } from '../panel.tsx';
import { Table, type Column } from '../table.tsx';
import { operate } from './command.ts';
import { usePages, useSettled } from './pages.tsx';

const commands = ['bust', 'correct', 'cancel', 'halt', 'resume', 'jump', 'step', 'deposit', 'withdraw', 'reset', 'fill', 'reject', 'disconnect', 'hold_pushes', 'reload', 'fix_fault'];

const wordOf = (command: string) => command.replace(/_/g, ' ');

const columns: Column<AuditEntry>[] = [
  { key: 'time', title: 'Time', width: 'minmax(66px, 0.8fr)', cell: (row) => <span title={exactTime(row.time)}>{time(row.time)}</span> },
  { key: 'who', title: 'Who', width: 'minmax(66px, 1fr)', cell: (row) => <span title={`${row.customer} ${row.name}`}>{row.customer} {row.name}</span> },
  { key: 'command', title: 'Command', width: 'minmax(84px, 0.7fr)', cell: (row) => <strong>{wordOf(row.command)}</strong> },
  { key: 'text', title: 'What', width: 'minmax(160px, 3fr)', wide: true, cell: (row) => <span title={row.text}>{row.text}</span> },
  { key: 'result', title: 'Result', width: 'minmax(84px, 0.8fr)', cell: (row) => <span class={row.result === 'OK' ? 'gain' : 'loss'}>{row.result}</span> },
  { key: 'message', title: 'Answer', width: 'minmax(120px, 2fr)', wide: true, cell: (row) => <span title={row.message}>{row.message}</span> },
];

/** What operators have commanded, also what was refused. */
export function Audit() {
  const none = { customer: '', command: '', from: '', to: '' };
  const [filter, setFilter] = useState(none);
  const [shown, setShown] = useState<AuditEntry>();
  const { customer, command, from, to } = useSettled(filter);
  const pages = usePages<AuditEntry, bigint>(
    async (before) => {
      const reply = await operate({
        audit: { limit: 200, before: before ?? 0n, customer: Number(/^\d{1,9}$/.exec(customer.trim())?.[0] ?? 0), command, fromTime: parseLocal(from), toTime: parseLocal(to) },
      });
      return { rows: reply.entries, next: reply.more ? reply.entries.at(-1)?.number : undefined };
    },
    [customer, command, from, to],
    5,
  );
  const set = (name: keyof typeof none) => (event: { currentTarget: { value: string } }) => setFilter({ ...filter, [name]: event.currentTarget.value });
  return (
    <Panel title="Audit" help="console/operating" tools={<span class="soft">{quantity(pages.rows.length)} {pages.all ? 'in all' : 'loaded'}</span>}>
      <form class="filters auditing" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
        <label>
          <span>Customer</span>
          <input inputMode="numeric" autocomplete="off" value={filter.customer} onInput={set('customer')} aria-invalid={!/^\s*\d{0,9}\s*$/.test(filter.customer)} />
        </label>
        <label>
          <span>Command</span>
          <select value={filter.command} onChange={set('command')}>
            <option value="">All</option>
            {commands.map((one) => (
              <option key={one} value={one}>
                {wordOf(one)}
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
        <button type="button" onClick={() => setFilter(none)}>
          Clear
        </button>
      </form>
      <Table label="Audit, newest first" rows={pages.rows} columns={columns} rowKey={(row) => String(row.number)} onOpen={setShown} empty={pages.busy ? 'Loading…' : 'No entry matches.'} foot={pages.foot} />
      {shown && (
        <Dialog title={`${wordOf(shown.command)}: ${shown.result}`} onClose={() => setShown(undefined)}>
          <p class="said">{shown.text || 'Without parameters.'}</p>
          {shown.message && <p class="said">{shown.message}</p>}
          <Facts
            facts={[
              ['Who', `${shown.customer} ${shown.name}`],
              ['Time of the server', exactTime(shown.time)],
              ['Session', String(shown.uid)],
              ['Address', shown.address],
              ['Refused attempts without an entry', shown.unlisted > 0 && quantity(shown.unlisted)],
              ['Number', quantity(shown.number)],
            ]}
          />
        </Dialog>
      )}
    </Panel>
  );
}
