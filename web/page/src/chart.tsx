import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { useMedia } from './hooks.ts';

export type Series = {
  label: string;
  values: (number | null)[];
  /** A CSS variable of style.css, such as --accent. */
  colour: string;
  /** Steps instead of lines, for prices. */
  steps?: boolean;
};

/**
 * A chart over time. seconds and the values of each series have the same length, with the oldest
 * first. The label is what a screen reader hears; it includes the newest values.
 */
export function Chart(props: {
  label: string;
  seconds: number[];
  series: Series[];
  format: (value: number) => string;
  /** The smallest distance between two lines of the grid, such as the tick of a price. */
  least?: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(props);
  newest.current = props;
  const dark = useMedia('(prefers-color-scheme: dark)');
  const calm = useMedia('(prefers-reduced-motion: reduce)');
  const shape = props.series.map((series) => series.label + series.colour).join();

  useEffect(() => {
    const element = box.current!;
    const css = getComputedStyle(element);
    const colour = (name: string) => css.getPropertyValue(name).trim();
    const font = `11px ${css.fontFamily}`;
    const axis = { stroke: colour('--soft'), font, grid: { stroke: colour('--rule'), width: 1 }, ticks: { show: false } };
    const { least } = newest.current;
    const format = (value: number) => newest.current.format(value);
    const options: uPlot.Options = {
      width: element.clientWidth || 300,
      height: element.clientHeight || 160,
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      padding: [8, 26, 0, 0],
      scales: { x: { range: (_, low, high) => (low === high ? [low - 30, high + 30] : [low, high]) }, y: { range: (_, low, high) => spread(low, high) } },
      axes: [
        { ...axis, space: 70, size: 24, values: '{HH}:{mm}:{ss}' },
        { ...axis, space: 28, size: 58, values: (_, ticks) => ticks.map(format), ...(least ? { incrs: steps.map((step) => step * least) } : {}) },
      ],
      series: [
        {},
        ...newest.current.series.map((series) => ({
          label: series.label,
          stroke: colour(series.colour),
          width: 1.5,
          points: { show: false },
          spanGaps: false,
          ...(series.steps ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}),
        })),
      ],
    };
    const made = new uPlot(options, columns(newest.current), element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientHeight > 0) {
        made.setSize({ width: element.clientWidth, height: element.clientHeight });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [dark, shape, props.least]);

  // With reduced motion the chart moves once in two seconds.
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => {
    const draw = () => {
      waiting.current = undefined;
      plot.current?.setData(columns(newest.current));
    };
    if (!calm) draw();
    else waiting.current ??= setTimeout(draw, 2000);
  });
  useEffect(() => () => clearTimeout(waiting.current), []);

  return <div class="chart" role="img" aria-label={props.label} ref={box} />;
}

const steps = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [10 ** power, 2 * 10 ** power, 5 * 10 ** power]);

function columns(props: { seconds: number[]; series: Series[] }): uPlot.AlignedData {
  return [props.seconds, ...props.series.map((series) => series.values)];
}

function spread(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = (high - low || Math.abs(high) * 0.01 || 1) * 0.1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}
