import type { ComponentChildren } from 'preact';

/** A question mark which opens the page of the help where the figure is explained: trading/money. */
export function Help(props: { about: string; what: string }) {
  return (
    <a class="help" href={`#help/${props.about}`} title={`Help: ${props.what}`} aria-label={`Help: ${props.what}`}>
      ?
    </a>
  );
}

/** A part of the page with a title, a link to its help, tools at the right, and its content. */
export function Panel(props: {
  title: string;
  /** A page of the help, and a heading of it after a slash, as in its address. */
  help?: string;
  tools?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  return (
    <section class={'panel ' + (props.class ?? '')} aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {props.help && <Help about={props.help} what={props.title} />}
        <div class="tools">{props.tools}</div>
      </header>
      {props.children}
    </section>
  );
}

/** Totals in a row. A value may be an element with a class of its own, such as that of profit. */
export function Totals(props: { totals: [name: string, value: ComponentChildren, hint?: string][] }) {
  return (
    <dl class="totals">
      {props.totals.map(([name, value, hint]) => (
        <div key={name} title={hint}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
