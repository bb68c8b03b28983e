import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { explain, sentence } from './explain.ts';
import { HelpPages } from './help.tsx';
import { keyList, useKeys, useRoute, type Tab } from './hooks.ts';
import { Operator } from './operator/index.tsx';
import { Older } from './older.tsx';
import { useStore, type Store } from './store.ts';
import { Trade } from './trade.tsx';

export function App() {
  const store = useStore();
  return (
    <>
      {store.phase === 'loading' && <Loading store={store} />}
      {store.phase === 'login' && <Login store={store} />}
      {store.phase === 'in' && <Frame store={store} />}
      <Toasts store={store} />
    </>
  );
}

function Loading({ store }: { store: Store }) {
  return (
    <main class="login">
      <form onSubmit={(event) => (event.preventDefault(), store.start())}>
        <Brand />
        <p role="status">{store.trouble || 'Loading…'}</p>
        {store.trouble && <button type="submit">Try again</button>}
      </form>
    </main>
  );
}

function Brand() {
  return (
    <h1>
      <img src="favicon.svg" alt="" width="28" height="28" />
      holdfast
    </h1>
  );
}

function Login({ store }: { store: Store }) {
  const [customer, setCustomer] = useState(store.lastCustomer);
  const [password, setPassword] = useState('');
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const second = useRef<HTMLInputElement>(null);
  useEffect(() => (store.lastCustomer ? second : first).current?.focus(), []);

  const send = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    if (!/^\d{1,10}$/.test(customer.trim())) {
      setFailure('The customer is a number, such as 100001.');
      first.current?.focus();
      return;
    }
    setBusy(true);
    setFailure('');
    try {
      await store.login(Number(customer.trim()), password);
    } catch (error) {
      setFailure(sentence((error as Error).message));
      setBusy(false);
      second.current?.select();
    }
  };
  return (
    <main class="login">
      <form onSubmit={send}>
        <Brand />
        {store.loginMessage && <p role="status">{store.loginMessage}</p>}
        <label>
          <span>Customer</span>
          <input ref={first} name="customer" inputMode="numeric" autocomplete="username" required value={customer} onInput={(event) => setCustomer(event.currentTarget.value)} />
        </label>
        <label>
          <span>Password</span>
          <input ref={second} name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </button>
        {store.info?.demo && (
          <p class="soft">
            A demo: customer 100001, 100002 … or the operator 900001, each with the password holdfast-demo.
          </p>
        )}
      </form>
    </main>
  );
}

/** Asks for the password on top of the page, which stays as it is. */
function LoginAgain({ store }: { store: Store }) {
  const [password, setPassword] = useState('');
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const send = async (event: Event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setFailure('');
    try {
      await store.loginAgain(password);
    } catch (error) {
      setFailure(sentence((error as Error).message));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Log in again">
      <form onSubmit={send}>
        <p>{store.relogin} Then the page continues where it is.</p>
        <input class="hidden" name="customer" autocomplete="username" readOnly tabIndex={-1} aria-hidden="true" value={store.session!.customer} />
        <label>
          <span>
            Password of {store.session!.name}, customer {store.session!.customer}
          </span>
          <input name="password" type="password" autocomplete="current-password" required value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <footer>
          <button type="button" onClick={() => void store.logout()}>
            Log out
          </button>
          <button type="submit" class="primary" disabled={busy} aria-busy={busy}>
            {busy ? 'Logging in…' : 'Log in'}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

const tabs: { tab: Tab; title: string; short: string }[] = [
  { tab: 'trade', title: 'Trade', short: 'Trade' },
  { tab: 'orders', title: 'Orders and history', short: 'History' },
  { tab: 'operator', title: 'Operator', short: 'Operator' },
  { tab: 'help', title: 'Help', short: 'Help' },
];

function Frame({ store }: { store: Store }) {
  const at = useRoute();
  const [showKeys, setShowKeys] = useState(false);
  const session = store.session!;
  const role = session.operator ? 'operator' : session.viewer ? 'viewer' : '';
  const shown = tabs.filter(({ tab }) => tab !== 'operator' || role !== '');
  const tab = shown.some((entry) => entry.tab === at.tab) ? at.tab : 'trade';
  const go = (to: Tab) => () => {
    if (shown.some((entry) => entry.tab === to)) location.hash = to;
  };
  useKeys({ '1': go('trade'), '2': go('orders'), '3': go('operator'), '4': go('help'), '?': () => setShowKeys(true) });
  useEffect(() => {
    document.title = `${tabs.find((entry) => entry.tab === tab)!.title} · holdfast`;
  }, [tab]);
  return (
    <div class="frame">
      <header class="bar">
        <div class="brand">
          <img src="favicon.svg" alt="" width="20" height="20" />
          holdfast
        </div>
        <nav aria-label="Parts of the page">
          {shown.map((entry) => (
            <a key={entry.tab} href={`#${entry.tab}`} aria-current={entry.tab === tab ? 'page' : undefined}>
              {entry.short}
            </a>
          ))}
        </nav>
        <div class="who">
          <State store={store} />
          <span class="name" title={`${session.name}, customer ${session.customer}`}>
            {session.name} {session.customer}
            {role && ` · ${role}`}
          </span>
          <button type="button" class="keysButton" onClick={() => setShowKeys(true)} title="Keys of the page (?)">
            Keys
          </button>
          <button type="button" onClick={() => void store.logout()}>
            Log out
          </button>
        </div>
      </header>
      <div>
        <Banner store={store} />
      </div>
      <main>
        {tab !== 'help' && <h1 class="hidden">{tabs.find((entry) => entry.tab === tab)!.title}</h1>}
        {tab === 'trade' && <Trade />}
        {tab === 'orders' && <Older />}
        {tab === 'operator' && <Operator />}
        {tab === 'help' && <HelpPages at={at.rest} />}
      </main>
      {store.relogin && <LoginAgain store={store} />}
      {showKeys && <Keys onClose={() => setShowKeys(false)} />}
    </div>
  );
}

/** The connection in a word; the banner has the details. */
function State({ store }: { store: Store }) {
  const { kind } = store.connection;
  const words = { connecting: 'Connecting', open: 'Connected', waiting: 'Reconnecting', closed: 'Not connected' };
  const signs = { connecting: '◌', open: '●', waiting: '◌', closed: '○' };
  return (
    <span class={`state ${kind}`} role="status">
      <span aria-hidden="true">{signs[kind]}</span>
      {words[kind]}
    </span>
  );
}

/** What the connection does, while it is lost and shortly after. */
function Banner({ store }: { store: Store }) {
  const { connection, banner } = store;
  const [, tick] = useState(0);
  useEffect(() => {
    if (connection.kind !== 'waiting') return;
    const timer = setInterval(() => tick((n) => n + 1), 250);
    return () => clearInterval(timer);
  }, [connection.kind]);

  if (store.relogin) return null;
  if (connection.kind === 'waiting') {
    const seconds = Math.max(0, Math.ceil((connection.until - Date.now()) / 1000));
    return (
      <div class="banner" role="status">
        <strong>Connection lost.</strong>
        <span>{connection.reason} What you see may be old; orders without an answer are sent again.</span>
        <span aria-live="off">Reconnecting in {seconds} s</span>
        <button type="button" class="small" onClick={() => store.tryNow()}>
          Try now
        </button>
      </div>
    );
  }
  if (connection.kind === 'closed') {
    return (
      <div class="banner bad" role="alert">
        <strong>Not connected.</strong>
        <span>{connection.reason} What you see may be old.</span>
        <button type="button" class="small" onClick={() => store.tryNow()}>
          Connect
        </button>
      </div>
    );
  }
  const { account } = store;
  if (account?.error) {
    return (
      <div class="banner" role="status">
        <strong>Not everything could be loaded.</strong>
        <span>{explain(account.error)} It is tried again.</span>
      </div>
    );
  }
  if (!banner) return null;
  return (
    <div class={`banner ${banner.kind}`} role="status">
      <span>{banner.text}</span>
      <button type="button" class="small" onClick={() => store.dismissBanner()}>
        Close
      </button>
    </div>
  );
}

function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {keyList.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key.replace(',', '')}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

/** Messages of the page; a screen reader hears each once. */
function Toasts({ store }: { store: Store }) {
  return (
    <div class="toasts" aria-live="polite" role="log" aria-label="Messages">
      {store.toasts.map((toast) => (
        <div key={toast.id} class={`toast ${toast.kind}`}>
          <span>{toast.text}</span>
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => store.dismiss(toast.id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
