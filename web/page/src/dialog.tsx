import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

/** A modal dialog that is open as long as it is rendered. The browser holds the focus inside it. */
export function Dialog(props: { title: string; /** Without it the dialog can not be left. */ onClose?: () => void; wide?: boolean; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement as HTMLElement | null;
    dialog.showModal();
    // Enter does what the dialog is for; Escape leaves it.
    dialog.querySelector<HTMLElement>('form input:not([type="checkbox"]):not([tabindex="-1"]), footer button:last-child:not(:disabled)')?.focus();
    return () => {
      dialog.close();
      if (before?.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={props.wide ? 'wide' : ''}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose?.();
      }}
      onMouseDown={(event) => {
        if (event.target === box.current) props.onClose?.();
      }}
    >
      <div class="dialog">
        <header>
          <h2 id={heading}>{props.title}</h2>
          {props.onClose && (
            <button type="button" class="plain" aria-label="Close" onClick={props.onClose}>
              ✕
            </button>
          )}
        </header>
        {props.children}
      </div>
    </dialog>
  );
}

/**
 * A question before something happens. The children are its preview. action does it; if it fails,
 * the dialog stays open and says why.
 */
export function Confirm(props: {
  title: string;
  verb: string;
  danger?: boolean;
  disabled?: boolean;
  action: () => Promise<unknown>;
  explain?: (error: unknown) => string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState('');
  const send = async (event: Event) => {
    event.preventDefault();
    if (busy || props.disabled) return;
    setBusy(true);
    setFailure('');
    try {
      await props.action();
      props.onClose();
    } catch (error) {
      setFailure(props.explain?.(error) ?? (error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form onSubmit={send}>
        {props.children}
        <p class="failure" role="alert">
          {failure}
        </p>
        <footer>
          <button type="button" onClick={props.onClose}>
            Leave it
          </button>
          <button type="submit" class={props.danger ? 'danger' : 'primary'} disabled={busy || props.disabled} aria-busy={busy}>
            {busy ? 'Sending…' : props.verb}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Pairs of a name and a value, in dialogs. Empty values are left out. */
export function Facts(props: { facts: [name: string, value: ComponentChildren][] }) {
  return (
    <dl class="facts">
      {props.facts
        .filter(([, value]) => value !== '' && value !== undefined && value !== null && value !== false)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
