import { useEffect, useState } from 'preact/hooks';

/** Renders again whenever the media query starts or stops to match. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = () => setMatches(list.matches);
    change();
    list.addEventListener('change', change);
    return () => list.removeEventListener('change', change);
  }, [query]);
  return matches;
}

/** One column of panels, rows as high as a finger. The same width is in style.css. */
export function useNarrow(): boolean {
  return useMedia('(max-width: 760px)');
}

export type Tab = 'trade' | 'orders' | 'operator' | 'help';

/** Where the page is: #trade, #orders, #operator or #help/trading. The rest is what follows the tab. */
export function route(): { tab: Tab; rest: string } {
  const [tab = '', ...rest] = location.hash.slice(1).split('/');
  const known: Tab[] = ['trade', 'orders', 'operator', 'help'];
  return { tab: known.find((name) => name === tab) ?? 'trade', rest: decodeURIComponent(rest.join('/')) };
}

export function useRoute(): { tab: Tab; rest: string } {
  const [at, setAt] = useState(route);
  useEffect(() => {
    const change = () => setAt(route());
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return at;
}

/** The keys of the page, as the list of keys shows them. */
export const keyList: [keys: string, what: string][] = [
  ['B, S', 'buy or sell the chosen instrument'],
  ['Enter', 'in the ticket: send the order; in a table: open the row'],
  ['Escape', 'close the ticket or a dialog'],
  ['/', 'search the instruments'],
  ['↑ ↓ Page Up Page Down Home End', 'move in a table'],
  ['R, Delete', 'in the working orders: replace or cancel the order of the row'],
  ['X', 'cancel all working orders, after a question'],
  ['1 2 3 4', 'Trade, Orders and history, Operator, Help'],
  ['?', 'this list'],
];

/**
 * Listens to single keys of the whole page, by the name of KeyboardEvent.key, while nobody types
 * and no dialog is open.
 */
export function useKeys(keys: Record<string, (event: KeyboardEvent) => void>) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const types = target.closest?.('input, select, textarea, [contenteditable]') !== null;
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || types) return;
      if (document.querySelector('dialog[open]')) return;
      const found = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!found) return;
      event.preventDefault();
      found(event);
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });
}
