import type { ComponentChildren } from 'preact';
import { useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useNarrow } from './hooks.ts';

export type Column<R> = {
  /** Names the column in the sort order; unique in the table. */
  key: string;
  title: string;
  /** What the figure means, as the title of the column's head. */
  hint?: string;
  /** A track of a CSS grid, such as minmax(60px, 1fr). */
  width: string;
  /** Figures are aligned at their end. */
  end?: boolean;
  /** Not on a narrow page, where the dialog of the row shows it. */
  wide?: boolean;
  cell: (row: R) => ComponentChildren;
  /** What the column is sorted by; without it the column does not sort. */
  sort?: (row: R) => bigint | number | string;
};

export type Sort = { key: string; down: boolean };

/**
 * A table which renders only the rows that are in view, so that 10,000 rows cost as much as 30. It
 * is one stop of the Tab key; arrows move the chosen row, which stays the same row when others come
 * before it.
 */
export function Table<R>(props: {
  label: string;
  rows: readonly R[];
  columns: Column<R>[];
  rowKey: (row: R) => string;
  /** The chosen row; without it the table remembers the row itself. */
  chosen?: string;
  onChoose?: (row: R) => void;
  /** Enter, or a double click; on a narrow page a tap. */
  onOpen?: (row: R) => void;
  /** Other keys on the chosen row; reports whether it used the key. */
  onKey?: (key: string, row: R) => boolean;
  rowClass?: (row: R) => string;
  /** At first; without it the rows stay in their order. */
  sort?: Sort;
  /** What is there without rows. */
  empty: ComponentChildren;
  /** After the last row, such as a button for the next page. */
  foot?: ComponentChildren;
}) {
  const narrow = useNarrow();
  const height = narrow ? 44 : 25;
  const box = useRef<HTMLDivElement>(null);
  const name = useId();
  const [sort, setSort] = useState<Sort | undefined>(props.sort);
  const [view, setView] = useState({ top: 0, height: 600 });
  const [own, setOwn] = useState('');
  const chosen = props.chosen ?? own;

  const columns = props.columns.filter((column) => !narrow || !column.wide);
  const rows = useMemo(() => sorted(props.rows, props.columns, sort), [props.rows, props.columns, sort]);
  const at = rows.findIndex((row) => props.rowKey(row) === chosen);

  useLayoutEffect(() => {
    const element = box.current!;
    const measure = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  const choose = (index: number) => {
    const row = rows[index];
    if (row === undefined) return;
    setOwn(props.rowKey(row));
    props.onChoose?.(row);
    const element = box.current!;
    const top = index * height;
    const room = element.clientHeight - 2 * height;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + room) element.scrollTop = top - room;
  };

  const press = (event: KeyboardEvent) => {
    if (event.target !== box.current || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(view.height / height) - 2);
    const last = rows.length - 1;
    const steps: Record<string, number> = {
      ArrowDown: at < 0 ? 0 : Math.min(last, at + 1),
      ArrowUp: Math.max(0, at - 1),
      PageDown: Math.min(last, at + page),
      PageUp: Math.max(0, at - page),
      Home: 0,
      End: last,
    };
    const to = steps[event.key];
    const row = rows[at];
    if (to !== undefined) choose(to);
    else if (event.key === 'Enter' && row !== undefined && props.onOpen) props.onOpen(row);
    else if (row === undefined || !props.onKey?.(event.key, row)) return;
    event.preventDefault();
  };

  const first = Math.max(0, Math.floor(view.top / height) - 4);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / height) + 4);
  const tracks = columns.map((column) => column.width).join(' ');
  const shown = rows.slice(first, end);
  const active = at >= first && at < end ? `${name}-${at}` : undefined;
  return (
    <div
      class="table"
      role="grid"
      tabIndex={0}
      ref={box}
      aria-label={props.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      aria-activedescendant={active}
      onKeyDown={press}
    >
      <div role="row" aria-rowindex={1} class="heads" style={{ gridTemplateColumns: tracks }}>
        {columns.map((column) => (
          <Head key={column.key} column={column} sort={sort} onSort={setSort} />
        ))}
      </div>
      {rows.length === 0 && (
        <div role="row" aria-rowindex={2} class="empty">
          <div role="gridcell">{props.empty}</div>
        </div>
      )}
      <div class="rows" role="rowgroup" style={{ height: `${rows.length * height}px` }}>
        {shown.map((row, i) => {
          const index = first + i;
          const key = props.rowKey(row);
          return (
            <div
              key={key}
              id={`${name}-${index}`}
              role="row"
              aria-rowindex={index + 2}
              aria-selected={key === chosen}
              class={'row ' + (props.rowClass?.(row) ?? '')}
              style={{ gridTemplateColumns: tracks, transform: `translateY(${index * height}px)`, height: `${height}px` }}
              onMouseDown={() => choose(index)}
              onClick={(event) => {
                if (narrow && props.onOpen && !(event.target as Element).closest('button, a')) props.onOpen(row);
              }}
              onDblClick={() => props.onOpen?.(row)}
            >
              {columns.map((column) => (
                <div role="gridcell" key={column.key} class={column.end ? 'end' : ''}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
      {props.foot && (
        <div role="row" class="foot">
          <div role="gridcell">{props.foot}</div>
        </div>
      )}
    </div>
  );
}

function Head<R>({ column, sort, onSort }: { column: Column<R>; sort: Sort | undefined; onSort: (sort: Sort) => void }) {
  const mine = sort?.key === column.key ? sort : undefined;
  const order = mine && (mine.down ? 'descending' : 'ascending');
  return (
    <div role="columnheader" aria-sort={order} title={column.hint} class={column.end ? 'end' : ''}>
      {column.sort ? (
        <button type="button" onClick={() => onSort({ key: column.key, down: mine ? !mine.down : column.end === true })}>
          {column.title}
          <span aria-hidden="true">{mine ? (mine.down ? ' ▾' : ' ▴') : ''}</span>
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}

function sorted<R>(rows: readonly R[], columns: Column<R>[], sort: Sort | undefined): readonly R[] {
  const by = columns.find((column) => column.key === sort?.key)?.sort;
  if (!by || !sort) return rows;
  const factor = sort.down ? -1 : 1;
  return rows
    .map((row) => ({ row, value: by(row) }))
    .sort((a, b) => (a.value < b.value ? -factor : a.value > b.value ? factor : 0))
    .map(({ row }) => row);
}
