import { useEffect, useRef, useState } from 'preact/hooks';
import type { BustReply, BustRequest, CorrectReply, CorrectRequest } from '../../../client/src/messages.ts';
import type { Input } from '../../../client/src/index.ts';
import { id, local, parseLocal, parsePrice, parseQuantity, plainPrice, quantity } from '../format.ts';
import { keyOf } from '../instruments.ts';
import { Panel } from '../panel.tsx';
import { store, useStore } from '../store.ts';
import { guarded, refusal } from './command.ts';
import { Busted, Corrected, positionOf, type Before } from './changes.tsx';

type Way = 'bust' | 'range' | 'correct';

type Outcome = { before?: Before } & ({ way: 'correct'; reply: CorrectReply; request: Input<CorrectRequest> } | { way: 'bust' | 'range'; reply: BustReply; request: Input<BustRequest> });

/** 100001-17 to the number of the execution; undefined if the text is none. */
function parseId(text: string): bigint | undefined {
  const match = /^\s*(\d{1,10})-(\d{1,10})\s*$/.exec(text);
  if (!match) return undefined;
  const number = (BigInt(match[1]!) << 32n) | BigInt(match[2]!);
  return BigInt(match[1]!) < 1n << 32n && BigInt(match[2]!) < 1n << 32n ? number : undefined;
}

const ways: [way: Way, title: string][] = [
  ['bust', 'Bust one execution'],
  ['correct', 'Correct one execution'],
  ['range', 'Bust a span of time'],
];

/** Busts and corrections. at is the execution: 100001-17. Nothing is done before a dry run of it was shown. */
export function Rewrite({ at }: { at: string }) {
  const { account, connection } = useStore();
  const [way, setWay] = useState<Way>('bust');
  const [text, setText] = useState(at);
  const [reason, setReason] = useState('');
  const [reopen, setReopen] = useState(false);
  const [cascade, setCascade] = useState(false);
  const [shares, setShares] = useState('');
  const [worth, setWorth] = useState('');
  const [key, setKey] = useState('');
  const [from, setFrom] = useState(local(new Date(Date.now() - 3_600_000)));
  const [to, setTo] = useState('');
  const [customer, setCustomer] = useState('');
  const [preview, setPreview] = useState<Outcome>();
  const [done, setDone] = useState<Outcome>();
  const [failure, setFailure] = useState<{ text: string; blocking: bigint[] }>();
  const [busy, setBusy] = useState(false);
  const answer = useRef<HTMLDivElement>(null);

  useEffect(() => setText(at), [at]);
  // What is shown belongs to what was asked.
  const asked = useRef(0);
  useEffect(() => {
    asked.current++;
    setBusy(false);
    setPreview(undefined);
    setFailure(undefined);
  }, [way, text, reason, reopen, shares, worth, key, from, to, customer]);
  useEffect(() => {
    if (preview || failure) answer.current?.focus();
  }, [preview, failure]);

  const executionId = parseId(text);
  const amount = parseQuantity(shares) ?? 0n;
  const cost = parsePrice(worth) ?? 0n;
  const number = /^\s*\d{0,9}\s*$/.test(customer) ? Number(customer) : -1;
  const start = parseLocal(from);
  const end = parseLocal(to);
  const instrument = [...(account?.quotes.values() ?? [])].find((one) => keyOf(one).toLowerCase() === key.trim().toLowerCase());
  const ready = reason.trim() !== '' && connection.kind === 'open' && (way === 'range' ? instrument !== undefined && start > 0n && end > start && number >= 0 : executionId !== undefined && (way === 'bust' || (amount > 0n && cost > 0n)));

  const send = async (all: boolean, dryRun: boolean): Promise<Outcome> => {
    const historyId = store.historyId;
    const shared = { reason: reason.trim(), historyId, dryRun };
    if (way === 'correct') {
      const request = { ...shared, executionId: executionId!, quantity: amount, price: cost };
      return { way, request, reply: await guarded(store.request('Correct', request)) };
    }
    const what = way === 'bust' ? { executionId: executionId! } : { market: instrument!.market, code: instrument!.code, from: start, to: end, customer: number };
    const request = { ...shared, ...what, reopen, cascade: all };
    return { way, request, reply: await guarded(store.request('Bust', request)) };
  };
  const fail = (error: unknown) => {
    const blocking = (error as { body?: { blockingExecutionIds?: bigint[] } }).body?.blockingExecutionIds ?? [];
    setFailure({ text: refusal(error), blocking });
  };
  const look = async (all: boolean) => {
    const mine = ++asked.current;
    setCascade(all);
    setBusy(true);
    setDone(undefined);
    setPreview(undefined);
    setFailure(undefined);
    try {
      const outcome = await send(all, true);
      const position = outcome.reply.position;
      if (position) outcome.before = await positionOf(outcome.way === 'correct' ? outcome.reply.busted!.customer : outcome.reply.execution!.customer, position);
      if (mine === asked.current) setPreview(outcome);
    } catch (error) {
      if (mine === asked.current) fail(error);
    }
    if (mine === asked.current) setBusy(false);
  };
  const confirm = async () => {
    const mine = ++asked.current;
    setBusy(true);
    try {
      const outcome = await send(cascade, false);
      outcome.before = preview?.before;
      setDone(outcome);
      setPreview(undefined);
      store.toast('good', outcome.way === 'correct' ? `${id(outcome.reply.busted!.executionId)} is corrected.` : `${outcome.reply.count} ${outcome.reply.count === 1 ? 'execution' : 'executions'} busted.`);
    } catch (error) {
      setPreview(undefined);
      fail(error);
    }
    if (mine === asked.current) setBusy(false);
  };
  // A correction starts from what the execution is.
  const fill = async () => {
    setWay('correct');
    if (executionId === undefined || shares !== '' || worth !== '') return;
    try {
      const reply = await store.request('History', { customer: Number(executionId >> 32n), beforeExecutionId: executionId + 1n, limit: 1, historyId: store.historyId });
      const found = reply.executions.find((one) => one.executionId === executionId);
      if (!found) return;
      setShares(String(found.quantity));
      setWorth(plainPrice(found.price));
    } catch {
      // The preview says what is wrong.
    }
  };
  return (
    <div class="rewrite">
      <Panel title="Bust and correct" help="console/operating">
        <form
          class="body"
          onSubmit={(event) => {
            event.preventDefault();
            if (ready && !busy) void look(way !== 'correct' && cascade);
          }}
        >
          <div class="switch" role="group" aria-label="What to do">
            {ways.map(([one, title]) => (
              <button key={one} type="button" aria-pressed={way === one} onClick={() => (one === 'correct' ? void fill() : setWay(one))}>
                {title}
              </button>
            ))}
          </div>
          {way !== 'range' && (
            <label>
              <span>Execution, such as 100001-17</span>
              <input required autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-invalid={text !== '' && executionId === undefined} />
            </label>
          )}
          {way === 'correct' && (
            <div class="fields">
              <label>
                <span>Right quantity</span>
                <input required inputMode="numeric" autocomplete="off" value={shares} onInput={(event) => setShares(event.currentTarget.value)} aria-invalid={shares !== '' && amount === 0n} />
              </label>
              <label>
                <span>Right price</span>
                <input required inputMode="decimal" autocomplete="off" value={worth} onInput={(event) => setWorth(event.currentTarget.value)} aria-invalid={worth !== '' && cost === 0n} />
              </label>
            </div>
          )}
          {way === 'range' && (
            <div class="fields">
              <label>
                <span>Instrument, such as ALFA/600100</span>
                <input required list="instruments" autocomplete="off" value={key} onInput={(event) => setKey(event.currentTarget.value)} aria-invalid={key !== '' && !instrument} />
              </label>
              <label>
                <span>Customer; empty: all</span>
                <input inputMode="numeric" autocomplete="off" value={customer} onInput={(event) => setCustomer(event.currentTarget.value)} aria-invalid={number < 0} />
              </label>
              <label>
                <span>From, trading clock</span>
                <input required type="datetime-local" step="1" value={from} onInput={(event) => setFrom(event.currentTarget.value)} />
              </label>
              <label>
                <span>To, exclusive</span>
                <input required type="datetime-local" step="1" value={to} onInput={(event) => setTo(event.currentTarget.value)} aria-invalid={to !== '' && end <= start} />
              </label>
              <datalist id="instruments">
                {[...(account?.quotes.values() ?? [])].map((one) => (
                  <option key={keyOf(one)} value={keyOf(one)}>
                    {one.name}
                  </option>
                ))}
              </datalist>
            </div>
          )}
          <label>
            <span>Reason, which the customer sees</span>
            <input required maxLength={120} autocomplete="off" value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
          </label>
          {way !== 'correct' && (
            <>
              <label class="check">
                <input type="checkbox" checked={cascade} onChange={(event) => (setCascade(event.currentTarget.checked), setPreview(undefined))} />
                <span>Bust the later sells, too, that would lack shares</span>
              </label>
              <label class="check">
                <input type="checkbox" checked={reopen} onChange={(event) => setReopen(event.currentTarget.checked)} />
                <span>Let the order work again for the quantity</span>
              </label>
            </>
          )}
          <button type="submit" class={preview ? '' : 'primary'} disabled={!ready || busy} aria-busy={busy}>
            Show what would change
          </button>
          <p class="soft">A dry run changes nothing. The button to do it comes with the preview.</p>
        </form>
      </Panel>
      <Panel title={done ? 'Done' : 'Preview'}>
        <div class="body preview" ref={answer} tabIndex={-1} aria-live="polite">
          {failure && (
            <>
              <p class="failure" role="alert">
                {failure.text}
              </p>
              {failure.blocking.length > 0 && <Blocking sells={failure.blocking} onCascade={way === 'correct' ? undefined : () => void look(true)} />}
            </>
          )}
          {preview && (
            <>
              <Shown outcome={preview} />
              {(preview.way === 'correct' || preview.reply.count > 0) && (
                <button type="button" class="danger" disabled={busy} aria-busy={busy} onClick={() => void confirm()}>
                  {preview.way === 'correct' ? `Correct ${id(preview.reply.busted!.executionId)}` : `Bust ${quantity(preview.reply.count)} ${preview.reply.count === 1 ? 'execution' : 'executions'}`}
                </button>
              )}
            </>
          )}
          {done && <Shown outcome={done} done />}
          {!failure && !preview && !done && <p class="soft">{busy ? 'Asking the server…' : 'Fill in the form: what would change is shown here first.'}</p>}
        </div>
      </Panel>
    </div>
  );
}

function Shown({ outcome, done }: { outcome: Outcome; done?: boolean }) {
  if (outcome.way === 'correct') return <Corrected reply={outcome.reply} before={outcome.before} done={done} />;
  return <Busted reply={outcome.reply} before={outcome.before} done={done} range={outcome.way === 'range'} />;
}

function Blocking({ sells, onCascade }: { sells: bigint[]; onCascade?: () => void }) {
  return (
    <>
      <p>
        In the way: {sells.length === 20 && 'among others '}
        {sells.map((sell, i) => (
          <span key={String(sell)}>
            {i > 0 && ', '}
            <a href={`#operator/bust/${id(sell)}`}>{id(sell)}</a>
          </span>
        ))}
      </p>
      {onCascade && (
        <button type="button" onClick={onCascade}>
          Preview with these sells busted, too
        </button>
      )}
    </>
  );
}

