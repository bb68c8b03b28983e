import type { ComponentChildren } from 'preact';
import { Chart, type Series } from '../chart.tsx';
import { bytes, duration as spanOf, quantity, rate } from '../format.ts';
import { Panel } from '../panel.tsx';
import { line, rates, seconds, useFigures, type Figures } from './figures.ts';
import { Meaning } from './meaning.tsx';

const last = (values: (number | null)[]) => values.at(-1) ?? undefined;
const perSecond = (value: number | undefined) => (value === undefined ? '…' : rate(value));
const count = (value: number) => quantity(Math.round(value));
const duration = (seconds: number) => (seconds === 0 ? '0 s' : spanOf(seconds));

/** What the server does now, and did in the last 10 minutes. */
export function Overview() {
  const { samples, failure } = useFigures();
  const now = samples.at(-1)?.figures;
  if (!now) return <p role="status">{failure || 'Loading…'}</p>;
  const at = seconds(samples);
  const requests = rates(samples, (f) => f.requestsTotal);
  const replies = rates(samples, (f) => f.repliesTotal);
  const pushes = rates(samples, (f) => f.pushesTotal);
  const received = rates(samples, (f) => f.receivedBytesTotal);
  const sent = rates(samples, (f) => f.sentBytesTotal);
  const commits = rates(samples, (f) => f.commits.total);
  const records = rates(samples, (f) => f.commits.records);
  const busiest = busiestOf(samples.slice(-60).map(({ figures }) => figures));
  const latencyOf = (share: 'p50' | 'p90' | 'p99') => line(samples, (f) => f.latency.find((one) => one.command === busiest && one.count > 0)?.[share]);
  const counted = now.latencySeconds === undefined || now.latencySeconds === 0 ? 'since the start of the server' : `of the last ${duration(now.latencySeconds)}`;
  const estimated = `Percentiles are estimated from the buckets of a histogram, ${counted}.`;
  return (
    <div class="overview">
      <StateOf figures={now} failure={failure} />
      <div class="tiles">
        <Tile name="Connections" value={count(now.sessions)} more={`of at most ${count(now.maxSessions)}`} metrics={['holdfast_client_connected']} />
        <Tile name="Requests a second" value={perSecond(last(requests))} more={`${count(now.requestsTotal)} in all`} metrics={['holdfast_req_recv_total']} />
        <Tile name="Replies a second" value={perSecond(last(replies))} more={`${count(now.repliesTotal)} in all`} metrics={['holdfast_rsp_send_total']} />
        {now.pushesTotal !== undefined && <Tile name="Pushes a second" value={perSecond(last(pushes))} more={`${count(now.pushesTotal)} in all`} metrics={['holdfast_pushes_total']} />}
        <Tile name="Commits a second" value={perSecond(last(commits))} more={`${count(now.commits.total)} in all`} metrics={['holdfast_commits_total']} bad={now.commits.failed && 'commits fail'} />
        <Tile name="Commit time, 99 %" value={duration(now.commits.p99)} more={`half take ${duration(now.commits.p50)}`} metrics={['holdfast_commit_duration_seconds']} note={estimated} />
        <Tile
          name="History behind"
          value={duration(now.history.lagSeconds)}
          more={`${count(now.history.behindBatches)} batches`}
          metrics={['holdfast_history_lag_seconds', 'holdfast_history_behind_batches', 'holdfast_history_damaged']}
          bad={now.history.damaged && 'damaged'}
        />
        <Tile
          name="Slow consumers"
          value={count(now.slow.unsentSessions)}
          more={`${bytes(now.slow.unsentBytes)} unsent`}
          metrics={['holdfast_unsent_sessions', 'holdfast_unsent_bytes']}
        />
        <Tile
          name="Held, blocked"
          value={`${count(now.slow.heldSessions)}, ${count(now.slow.blockedSessions)}`}
          more="sessions"
          metrics={['holdfast_held_sessions', 'holdfast_blocked_sessions']}
        />
        <Tile
          name="Pushes left out"
          value={count(now.slow.pushesDropped + now.slow.pushesConflated)}
          more={`${count(now.slow.pushesConflated)} were replaced by newer ones`}
          metrics={['holdfast_pushes_dropped_total', 'holdfast_pushes_conflated_total']}
        />
        <Tile name="Memory" value={bytes(now.memory.usedBytes)} more={now.memory.limitBytes > 0 ? `limit ${bytes(now.memory.limitBytes)}` : 'no limit'} metrics={['holdfast_memory_limit_bytes']} note="What the Go runtime has from the system." />
        <Tile
          name="Disk"
          value={now.disk.watermarkBytes > 0 ? `${bytes(now.disk.freeBytes)} free` : 'not checked'}
          more={now.disk.watermarkBytes > 0 ? `orders stop below ${bytes(now.disk.watermarkBytes)}` : 'no disk_watermark'}
          metrics={['holdfast_disk_free_bytes', 'holdfast_disk_watermark_bytes']}
        />
        <Tile name="Journal" value={bytes(now.journal.bytes)} more={`batches ${count(now.journal.firstBatch)} to ${count(now.journal.lastBatch)}`} metrics={['holdfast_journal_bytes', 'holdfast_journal_first_batch', 'holdfast_journal_last_batch']} />
        <Tile name="Up for" value={duration(now.uptimeSeconds)} more={now.version} metrics={['holdfast_build_info']} />
      </div>
      <div class="charts">
        <Line title="Requests and replies a second" at={at} format={rate} metrics={['holdfast_req_recv_total', 'holdfast_rsp_send_total']} series={[['requests', requests, '--accent'], ['replies', replies, '--sell'], ...pushLine(now, pushes)]} />
        <Line title={`Latency of ${busiest || 'requests'}`} at={at} format={duration} metrics={['holdfast_request_duration_seconds']} note={estimated} series={[['50 %', latencyOf('p50'), '--accent'], ['90 %', latencyOf('p90'), '--buy'], ['99 %', latencyOf('p99'), '--sell']]} />
        <Line title="Commit time" at={at} format={duration} metrics={['holdfast_commit_duration_seconds']} note={estimated} series={[['50 %', line(samples, (f) => f.commits.p50), '--accent'], ['99 %', line(samples, (f) => f.commits.p99), '--sell']]} />
        <Line title="Events made durable a second" at={at} format={rate} metrics={['holdfast_commits_total', 'holdfast_committed_records_total']} series={[['events', records, '--accent'], ['commits', commits, '--sell']]} />
        <Line title="Connections" at={at} format={count} metrics={['holdfast_client_connected']} series={[['open', line(samples, (f) => f.sessions), '--accent']]} />
        <Line title="Bytes a second" at={at} format={bytes} metrics={['holdfast_received_bytes_total', 'holdfast_sent_bytes_total']} series={[['received', received, '--accent'], ['sent', sent, '--sell']]} />
        <Line title="History behind" at={at} format={duration} metrics={['holdfast_history_lag_seconds']} series={[['behind', line(samples, (f) => f.history.lagSeconds), '--accent']]} />
        <Line title="Unsent output" at={at} format={bytes} metrics={['holdfast_unsent_bytes']} series={[['unsent', line(samples, (f) => f.slow.unsentBytes), '--accent']]} />
      </div>
      <div class="lists">
        <Latencies all={samples.map(({ figures }) => figures)} note={estimated} />
        <Closes figures={now} />
      </div>
    </div>
  );
}

/** The command with the most samples, so that a chart does not change its subject every second. */
function busiestOf(all: Figures[]): string {
  const counts = new Map<string, number>();
  for (const { latency } of all) for (const one of latency) counts.set(one.command, (counts.get(one.command) ?? 0) + one.count);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most), ['', 0] as [string, number])[0];
}

type Named = [label: string, values: (number | null)[], colour: string];

const pushLine = (now: Figures, pushes: (number | null)[]): Named[] => (now.pushesTotal === undefined ? [] : [['pushes', pushes, '--buy']]);

function StateOf({ figures, failure }: { figures: Figures; failure: string }) {
  const bad = !figures.ready || failure !== '';
  return (
    <div class={`ready ${bad ? 'bad' : figures.troubles ? 'warn' : 'good'}`} role="status">
      <strong>
        <span aria-hidden="true">{bad ? '✕' : '✓'}</span> {failure ? 'The figures are old' : figures.ready ? 'Ready: orders are taken' : 'Not ready: no orders are taken'}
      </strong>
      <span>{failure || figures.readyReason}</span>
      {figures.troubles && <span>Trouble: {figures.troubles}</span>}
    </div>
  );
}

function Tile(props: { name: string; value: string; more: string; metrics: string[]; note?: string; bad?: string | false }) {
  return (
    <div role="group" class={'tile' + (props.bad ? ' bad' : '')} aria-label={props.name}>
      <span class="soft">{props.name}</span>
      <Meaning of={props.name} metrics={props.metrics} more={props.note} />
      <p class="value">{props.value}</p>
      <p class="soft">{props.bad ? <strong>{props.bad}</strong> : props.more}</p>
    </div>
  );
}

function Line(props: { title: string; at: number[]; format: (value: number) => string; metrics: string[]; note?: string; series: Named[] }) {
  const series: Series[] = props.series.map(([label, values, colour]) => ({ label, values, colour }));
  const newest = props.series.map(([label, values]) => {
    const value = last(values);
    return `${label} ${value === undefined ? 'unknown' : props.format(value)}`;
  });
  return (
    <Panel title={props.title} tools={<Meaning of={props.title} metrics={props.metrics} more={props.note} />}>
      <p class="legend">
        {props.series.map(([label, values, colour]) => {
          const value = last(values);
          return (
            <span key={label}>
              <i style={{ background: `var(${colour})` }} />
              {label} <strong>{value === undefined ? '…' : props.format(value)}</strong>
            </span>
          );
        })}
      </p>
      <Chart label={`${props.title} in the last 10 minutes: ${newest.join(', ')}`} seconds={props.at} series={series} format={props.format} />
    </Panel>
  );
}

/** A small table, all of whose rows are there. */
function List(props: { label: string; heads: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={props.label}>
      <table class="list">
        <thead>
          <tr>
            {props.heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}

/** The newest percentiles of each command: most seconds have no sample of most commands. */
function Latencies({ all, note }: { all: Figures[]; note: string }) {
  const newest = new Map<string, Figures['latency'][number]>();
  for (const { latency } of all) for (const one of latency) if (one.count > 0) newest.set(one.command, one);
  const rows = [...newest.values()].sort((a, b) => (a.command < b.command ? -1 : 1));
  return (
    <Panel title="Latency by command" tools={<Meaning of="Latency by command" metrics={['holdfast_request_duration_seconds']} more={`${note} A command without requests has its last figures, of up to 10 minutes before.`} />}>
      <List label="Commands" heads={['Command', 'Samples', '50 %', '90 %', '99 %']}>
        {rows.map((one) => (
          <tr key={one.command}>
            <th scope="row">{one.command}</th>
            <td>{count(one.count)}</td>
            <td>{duration(one.p50)}</td>
            <td>{duration(one.p90)}</td>
            <td>{duration(one.p99)}</td>
          </tr>
        ))}
      </List>
      {rows.length === 0 && <p class="nothing">No requests.</p>}
    </Panel>
  );
}

function Closes({ figures }: { figures: Figures }) {
  const rows = figures.closes.filter((one) => one.count > 0).sort((a, b) => b.count - a.count);
  return (
    <Panel title="Closed connections by reason" tools={<Meaning of="Closed connections" metrics={['holdfast_closes_total']} />}>
      <List label="Reasons" heads={['Reason', 'Connections']}>
        {rows.map((one) => (
          <tr key={one.reason}>
            <th scope="row">{one.reason.replace(/_/g, ' ')}</th>
            <td>{count(one.count)}</td>
          </tr>
        ))}
      </List>
      {rows.length === 0 && <p class="nothing">None since the start.</p>}
    </Panel>
  );
}
