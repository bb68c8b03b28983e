import { useState } from 'preact/hooks';
import type { Execution } from '../../client/src/messages.ts';
import { Dialog, Facts } from './dialog.tsx';
import { exact, exactTime, id, money, price, quantity, time } from './format.ts';
import { keyOf, tickOf } from './instruments.ts';
import { Panel } from './panel.tsx';
import { SideWord } from './profit.tsx';
import { store, useStore } from './store.ts';
import { Table, type Column } from './table.tsx';

/** Finds an execution that another one names; undefined if the page does not have it. */
export type Find = (executionId: bigint) => Execution | undefined;

const priced = (row: Execution) => price(row.price, tickOf(store.instrument(keyOf(row))));

/** The columns of executions. Busted ones are struck out; a replacement shows both prices. */
export function executionColumns(find: Find, go: (executionId: bigint) => void): Column<Execution>[] {
  const struck = (row: Execution, text: string) => (row.busted ? <s>{text}</s> : text);
  // What a correction changed: old struck out, new beside it.
  const both = (row: Execution, write: (one: Execution) => string) => {
    const old = row.corrects === 0n ? undefined : find(row.corrects);
    if (!old || write(old) === write(row)) return struck(row, write(row));
    return (
      <>
        <s class="old soft">{write(old)}</s> {struck(row, write(row))}
      </>
    );
  };
  return [
    { key: 'time', title: 'Time', width: '76px', cell: (row) => <span title={exactTime(row.time)}>{struck(row, time(row.time))}</span>, sort: (row) => row.time },
    { key: 'side', title: 'Side', width: '42px', cell: (row) => <SideWord side={row.side} />, sort: (row) => row.side },
    { key: 'code', title: 'Code', width: '70px', cell: (row) => <strong title={`${row.market} ${row.code}`}>{struck(row, row.code)}</strong>, sort: keyOf },
    { key: 'quantity', title: 'Quantity', width: 'minmax(88px, 0.4fr)', end: true, cell: (row) => both(row, (one) => quantity(one.quantity)), sort: (row) => row.quantity },
    { key: 'price', title: 'Price', width: 'minmax(92px, 0.4fr)', end: true, cell: (row) => both(row, priced), sort: (row) => row.price },
    { key: 'fee', title: 'Fee', width: 'minmax(46px, 0.3fr)', end: true, wide: true, cell: (row) => struck(row, money(row.fee)), sort: (row) => row.fee },
    { key: 'id', title: 'Id', width: '84px', wide: true, cell: (row) => struck(row, id(row.executionId)), sort: (row) => row.executionId },
    { key: 'remark', title: 'Remark', width: 'minmax(110px, 2.4fr)', wide: true, cell: (row) => <Remark row={row} go={go} /> },
  ];
}

/** What happened to an execution after it, in words, with a link to the other one of a correction. */
function Remark({ row, go }: { row: Execution; go: (executionId: bigint) => void }) {
  const link = (executionId: bigint) => (
    <button type="button" class="link" tabIndex={-1} onClick={() => go(executionId)}>
      {id(executionId)}
    </button>
  );
  if (row.correctedBy !== 0n) {
    return (
      <span title={row.bustReason}>
        <span class="tag">corrected</span> now {link(row.correctedBy)} {row.bustReason}
      </span>
    );
  }
  if (row.busted) {
    return (
      <span title={row.bustReason}>
        <span class="tag">busted</span> {row.bustReason || 'without a reason'}
      </span>
    );
  }
  if (row.corrects !== 0n) {
    return (
      <span>
        <span class="tag">correction</span> of {link(row.corrects)}
      </span>
    );
  }
  return null;
}

export function Tape() {
  const { account } = useStore();
  const [chosen, setChosen] = useState('');
  const [shown, setShown] = useState('');
  const rows = account?.executions ?? [];
  const find: Find = (executionId) => rows.find((row) => row.executionId === executionId);
  const go = (executionId: bigint) => (find(executionId) ? setChosen(String(executionId)) : store.toast('', `Execution ${id(executionId)} is older than this list: see Orders and history.`));
  const opened = rows.find((row) => String(row.executionId) === shown);
  return (
    <Panel
      title="Executions"
      help="console/trading"
      class="tape"
      tools={
        <a href="#orders/executions" class="soft">
          older
        </a>
      }
    >
      <Table
        label="Executions, newest first"
        rows={rows}
        columns={executionColumns(find, go)}
        rowKey={(row) => String(row.executionId)}
        rowClass={(row) => (row.busted ? 'busted' : '')}
        chosen={chosen}
        onChoose={(row) => setChosen(String(row.executionId))}
        onOpen={(row) => setShown(String(row.executionId))}
        empty={account && !account.loading ? 'No executions yet.' : 'Loading…'}
      />
      {opened && <ExecutionDialog execution={opened} find={find} onClose={() => setShown('')} onGo={(executionId) => (setShown(String(executionId)), setChosen(String(executionId)))} />}
    </Panel>
  );
}

export function ExecutionDialog(props: { execution: Execution; find: Find; onClose: () => void; onGo: (executionId: bigint) => void }) {
  const { execution: one, find } = props;
  const other = one.correctedBy !== 0n ? one.correctedBy : one.corrects;
  const known = other !== 0n && find(other);
  return (
    <Dialog title={`Execution ${id(one.executionId)}`} onClose={props.onClose}>
      <p>
        <strong>
          {one.side === 'SIDE_BUY' ? 'Bought' : 'Sold'} {one.busted ? <s>{quantity(one.quantity)}</s> : quantity(one.quantity)} {one.market} {one.code} at {one.busted ? <s>{priced(one)}</s> : priced(one)}
        </strong>
      </p>
      {one.correctedBy !== 0n && (
        <p>
          An operator corrected this execution: {id(one.correctedBy)} is in its place
          {known && `, ${quantity(known.quantity)} at ${priced(known)}`}. Position, cash and profit are as if only the new one had been.
        </p>
      )}
      {one.busted && one.correctedBy === 0n && <p>An operator took this execution back: position, cash, fee and profit are as if it had never been.</p>}
      {one.corrects !== 0n && (
        <p>
          It is in the place of {id(one.corrects)}, which an operator corrected
          {known && `: ${quantity(known.quantity)} at ${priced(known)} before`}.
        </p>
      )}
      <Facts
        facts={[
          ['Reason', one.bustReason || (known && one.corrects !== 0n ? known.bustReason : '')],
          ['Value', exact(one.quantity * one.price)],
          ['Fee', exact(one.fee)],
          ['Time', exactTime(one.time)],
          ['Order', id(one.orderId)],
          ['Client order id', one.clientOrderId],
        ]}
      />
      <footer>
        {(one.busted || one.corrects !== 0n) && (
          <a class="button" href="#help/trading/busts-and-corrections" onClick={props.onClose}>
            What busts undo
          </a>
        )}
        {known && (
          <button type="button" onClick={() => props.onGo(other)}>
            Show {id(other)}
          </button>
        )}
      </footer>
    </Dialog>
  );
}
