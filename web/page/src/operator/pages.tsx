import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useStore } from '../store.ts';
import { refusal } from './command.ts';

export type Page<R, N> = { rows: R[]; next: N | undefined };

export type Pages<R> = { rows: R[]; foot: ComponentChildren; busy: boolean; all: boolean; refresh: () => void };

/**
 * Pages of rows. They are loaded anew when one of the conditions changes, and with every seconds
 * as long as only the first page is there and the page is not hidden.
 */
export function usePages<R, N>(load: (after: N | undefined) => Promise<Page<R, N>>, conditions: unknown[], every = 0): Pages<R> {
  const { connection } = useStore();
  const [pages, setPages] = useState<{ rows: R[]; next: N | undefined; many: boolean }>();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const asked = useRef(0);
  const newest = useRef(load);
  newest.current = load;
  const many = useRef(false);
  many.current = pages?.many ?? false;

  const ask = async (after: N | undefined) => {
    const mine = ++asked.current;
    setBusy(true);
    try {
      const page = await newest.current(after);
      if (mine !== asked.current) return;
      setPages((old) => ({ rows: after === undefined ? page.rows : [...(old?.rows ?? []), ...page.rows], next: page.next, many: after !== undefined }));
      setFailure('');
    } catch (error) {
      if (mine === asked.current) setFailure(refusal(error));
    }
    if (mine === asked.current) setBusy(false);
  };
  useEffect(() => {
    if (connection.kind !== 'open') return;
    setPages(undefined);
    void ask(undefined);
    if (every === 0) return;
    const timer = setInterval(() => {
      if (!document.hidden && !many.current) void ask(undefined);
    }, every * 1000);
    return () => {
      clearInterval(timer);
      asked.current++;
    };
  }, [...conditions, connection.kind]);

  const next = pages?.next;
  const foot =
    failure !== '' ? (
      <span class="failure" role="alert">
        {failure}
      </span>
    ) : next !== undefined ? (
      <button type="button" disabled={busy} onClick={() => void ask(next)}>
        Load more
      </button>
    ) : undefined;
  return { rows: pages?.rows ?? [], foot, busy: busy && !pages, all: pages !== undefined && next === undefined, refresh: () => void ask(undefined) };
}

/** Waits until nobody has typed for a moment. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), 250);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
