import { profit } from './format.ts';

/** Profit or loss: the sign says what the colour says. */
export function Profit({ amount }: { amount: bigint }) {
  return <span class={amount > 0n ? 'gain' : amount < 0n ? 'loss' : 'soft'}>{profit(amount)}</span>;
}

export function SideWord({ side }: { side: string }) {
  return <span class={side === 'SIDE_BUY' ? 'buy' : 'sell'}>{side === 'SIDE_BUY' ? 'Buy' : side === 'SIDE_SELL' ? 'Sell' : side}</span>;
}
