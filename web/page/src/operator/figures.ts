// The figures of the server: asked for once a second while somebody looks at them.
import { useEffect, useState } from 'preact/hooks';
import { api, HTTPError } from '../http.ts';
import { store } from '../store.ts';

export type Latency = { command: string; count: number; p50: number; p90: number; p99: number };

export type Figures = {
  time: string;
  ready: boolean;
  readyReason: string;
  troubles: string;
  version: string;
  uptimeSeconds: number;
  sessions: number;
  maxSessions: number;
  requestsTotal: number;
  repliesTotal: number;
  pushesTotal?: number;
  receivedBytesTotal: number;
  sentBytesTotal: number;
  /** What the percentiles count; 0: since the start. */
  latencySeconds?: number;
  latency: Latency[];
  commits: { total: number; records: number; p50: number; p99: number; failed: boolean };
  journal: { bytes: number; firstBatch: number; lastBatch: number };
  history: { behindBatches: number; lagSeconds: number; damaged: boolean };
  slow: { unsentSessions: number; unsentBytes: number; heldSessions: number; blockedSessions: number; pushesDropped: number; pushesConflated: number };
  closes: { reason: string; count: number }[];
  memory: { limitBytes: number; usedBytes: number };
  disk: { freeBytes: number; watermarkBytes: number };
  market: { clock: string; time: string; speed: number; script: string; preset: string };
};

type Sample = { at: number; figures: Figures };

/** How many samples the page has: those of 10 minutes. */
const most = 600;

/** A pause between two samples that is longer breaks the lines of the charts. In seconds. */
const longest = 5;

class Poller {
  samples: Sample[] = [];
  failure = '';
  private readonly listeners = new Set<() => void>();
  private timer?: ReturnType<typeof setTimeout>;
  private asking = false;

  subscribe(listener: () => void): () => void {
    if (this.listeners.size === 0) document.addEventListener('visibilitychange', this.wake);
    this.listeners.add(listener);
    void this.ask();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      document.removeEventListener('visibilitychange', this.wake);
      clearTimeout(this.timer);
    };
  }

  private wake = () => void this.ask();

  private ask = async () => {
    clearTimeout(this.timer);
    if (this.asking || document.hidden) return;
    this.asking = true;
    try {
      const figures = await api<Figures>('/api/figures');
      this.add({ at: Date.now() / 1000, figures });
      this.failure = '';
    } catch (error) {
      this.failure = (error as Error).message;
      if ([401, 403].includes((error as HTTPError).status)) void readRole();
    }
    this.asking = false;
    if (this.listeners.size === 0) return;
    this.timer = setTimeout(this.ask, 1000);
    for (const listener of this.listeners) listener();
  };

  private add(sample: Sample) {
    const last = this.samples.at(-1)?.figures;
    // Another process has other totals.
    if (last && sample.figures.uptimeSeconds < last.uptimeSeconds) this.samples = [];
    this.samples = [...this.samples.slice(1 - most), sample];
  }
}

const poller = new Poller();

/** The samples of the last 10 minutes, oldest first, and why the newest is missing. */
export function useFigures(): { samples: Sample[]; failure: string } {
  const [, draw] = useState(0);
  useEffect(() => poller.subscribe(() => draw((n) => n + 1)), []);
  return poller;
}

/** Seconds for the charts. */
export function seconds(samples: Sample[]): number[] {
  return samples.map(({ at }) => at);
}

/** The line of a figure. */
export function line(samples: Sample[], of: (figures: Figures) => number | undefined): (number | null)[] {
  return samples.map(({ at, figures }, i) => {
    const before = samples[i - 1];
    return before && at - before.at > longest ? null : (of(figures) ?? null);
  });
}

/** What a total grows in a second, from each sample to the next. */
export function rates(samples: Sample[], of: (figures: Figures) => number | undefined): (number | null)[] {
  return samples.map(({ at, figures }, i) => {
    const before = samples[i - 1];
    const now = of(figures);
    const then = before && of(before.figures);
    if (!before || now === undefined || then === undefined || at <= before.at || at - before.at > longest) return null;
    return Math.max(0, now - then) / (at - before.at);
  });
}

/** Asks whether the login still has its role, and shows the page for the one it has. */
export async function readRole() {
  try {
    const session = await api<NonNullable<typeof store.session>>('/api/session');
    const before = store.session;
    if (!before || (before.operator === session.operator && before.viewer === session.viewer)) return;
    store.session = session;
    if (before.operator && !session.operator) store.toast('bad', 'You are no longer an operator.');
    store.changed();
  } catch {
    // The connection of the page says it if the session has ended.
  }
}
