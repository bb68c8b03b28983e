import { Chart } from './chart.tsx';
import { percent, price } from './format.ts';
import { tickOf } from './instruments.ts';
import { Panel } from './panel.tsx';
import { useStore } from './store.ts';

/** The prices of the chosen instrument since the page was opened: the server has no older ones. */
export function PriceChart() {
  const store = useStore();
  const instrument = store.instrument(store.chosen);
  const history = store.prices.of(store.chosen);
  if (!instrument || !history) return null;
  const write = (value: number) => price(BigInt(Math.round(value * 1e4)), tickOf(instrument));
  const low = Math.min(...history.prices);
  const high = Math.max(...history.prices);
  const first = BigInt(Math.round(history.prices[0]! * 1e4));
  const label =
    `${instrument.market} ${instrument.code}: last ${price(instrument.lastPrice, tickOf(instrument))}, ` +
    `${percent(instrument.lastPrice - first, first)} since this page was opened, low ${write(low)}, high ${write(high)}`;
  return (
    <Panel title={`${instrument.code} ${instrument.name}`} class="pricechart" help="console/trading">
      <Chart label={label} seconds={[...history.seconds, Date.now() / 1e3]} series={[{ label: 'Last price', values: [...history.prices, history.prices.at(-1)!], colour: '--accent', steps: true }]} format={write} least={Number(tickOf(instrument)) / 1e4} />
      <p class="soft small">
        Low {write(low)}, high {write(high)} since this page was opened; older prices are not stored.
      </p>
    </Panel>
  );
}
