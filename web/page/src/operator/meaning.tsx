import { useState } from 'preact/hooks';
import { Dialog } from '../dialog.tsx';
import { api } from '../http.ts';

let loaded: Promise<Map<string, string>> | undefined;

/** What docs/metrics.md says about each metric. */
function meanings(): Promise<Map<string, string>> {
  loaded ??= read();
  loaded.catch(() => (loaded = undefined));
  return loaded;
}

async function read(): Promise<Map<string, string>> {
  const { html } = await api<{ html: string }>('/api/help/metrics');
  const found = new Map<string, string>();
  for (const row of new DOMParser().parseFromString(html, 'text/html').querySelectorAll('tr')) {
    const cells = row.querySelectorAll('td');
    const name = cells[0]?.textContent?.trim();
    if (name && cells.length > 1) found.set(name, cells[cells.length - 1]!.textContent!.trim());
  }
  return found;
}

/** A question mark that says what a figure means: the sentence of each metric that it is made of. */
export function Meaning(props: { of: string; metrics: string[]; more?: string }) {
  const [texts, setTexts] = useState<Map<string, string>>();
  const [failure, setFailure] = useState('');
  const [open, setOpen] = useState(false);
  const show = () => {
    setOpen(true);
    meanings().then(setTexts, (error: Error) => setFailure(error.message));
  };
  return (
    <>
      <button type="button" class="help" aria-label={`What ${props.of} means`} title={`What ${props.of} means`} onClick={show}>
        ?
      </button>
      {open && (
        <Dialog title={props.of} onClose={() => setOpen(false)}>
          {props.more && <p>{props.more}</p>}
          {failure && <p class="failure">{failure}</p>}
          <dl class="meanings">
            {props.metrics.map((name) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{texts ? (texts.get(name) ?? 'This server does not describe it.') : failure ? '' : 'Loading…'}</dd>
              </div>
            ))}
          </dl>
          <footer>
            <a class="button" href="#help/metrics/all-metrics">
              All metrics
            </a>
          </footer>
        </Dialog>
      )}
    </>
  );
}
