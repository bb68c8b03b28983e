import { useState } from 'preact/hooks';
import { useKeys, useNarrow } from './hooks.ts';
import { CancelAll, Working } from './orders.tsx';
import { Positions } from './positions.tsx';
import { PriceChart } from './pricechart.tsx';
import { Quotes } from './quotes.tsx';
import { useStore } from './store.ts';
import { Tape } from './tape.tsx';
import { Ticket } from './ticket.tsx';

const parts = ['Quotes', 'Order', 'Positions', 'Working', 'Tape'] as const;
type Part = (typeof parts)[number];

/** The screen of a trader: all panels at once, or on a narrow page one at a time. */
export function Trade() {
  const store = useStore();
  const narrow = useNarrow();
  const [part, setPart] = useState<Part>('Quotes');
  const [cancelling, setCancelling] = useState(false);
  const open = (side: 'SIDE_BUY' | 'SIDE_SELL') => {
    store.openTicket(side);
    setPart('Order');
  };
  useKeys({
    b: () => open('SIDE_BUY'),
    s: () => open('SIDE_SELL'),
    x: () => setCancelling(true),
    '/': () => {
      setPart('Quotes');
      requestAnimationFrame(() => document.querySelector<HTMLInputElement>('#search')?.focus());
    },
  });
  const working = store.account?.orders.size ?? 0;
  const shown = (wanted: Part) => !narrow || part === wanted;
  return (
    <>
      {cancelling && <CancelAll onClose={() => setCancelling(false)} />}
      <div class="trade">
        {shown('Quotes') && <Quotes onOpen={() => open('SIDE_BUY')} />}
        {shown('Order') && (
          <div class="right">
            <Ticket onOpen={open} />
            <PriceChart />
          </div>
        )}
        {shown('Positions') && <Positions onOpen={open} />}
        {shown('Working') && <Working onCancelAll={() => setCancelling(true)} />}
        {shown('Tape') && <Tape />}
      </div>
      {narrow && (
        <nav class="parts" aria-label="Panels">
          {parts.map((name) => (
            <button key={name} type="button" aria-pressed={part === name} onClick={() => setPart(name)}>
              {name}
              {name === 'Working' && working > 0 ? ` ${working}` : ''}
            </button>
          ))}
        </nav>
      )}
    </>
  );
}
