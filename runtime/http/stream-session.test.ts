// The stream against a reader that may be slow, and a store that may fail. Nothing here has a socket.
import { describe, expect, it } from 'vitest';
import type { MemoryStore } from '../../db/memory-store.ts';
import { StoreUnavailable, type StreamRow } from '../../db/store.ts';
import type { StreamFrame } from '../../machines/contract/views.ts';
import { Live } from '../live.ts';
import { settled } from '../testing.ts';
import { personSubject, StreamSession } from './stream-session.ts';

const row = (seq: number): StreamRow => ({
  seq,
  accountId: 'acc_a',
  jobId: `job_${seq}`,
  payload: `{"id":"job_${seq}"}`,
});

class Reader {
  bufferedAmount = 0;
  /** Holds back what it was sent until told otherwise. */
  isSlow = false;
  closed: [number, string] | null = null;
  readonly frames: StreamFrame[] = [];
  #waiting: (() => void)[] = [];

  send(text: string, sent: () => void = () => undefined): void {
    this.frames.push(JSON.parse(text) as StreamFrame);
    if (this.isSlow) this.bufferedAmount += text.length;
    if (this.isSlow) this.#waiting.push(sent);
    else sent();
  }

  catchUp(): void {
    this.isSlow = false;
    this.bufferedAmount = 0;
    for (const sent of this.#waiting.splice(0)) sent();
  }

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }

  get seqs(): number[] {
    return this.frames.flatMap((frame) => (frame.type === 'job' ? [frame.seq] : []));
  }
}

function start(change: { rows?: StreamRow[]; head?: number; fail?: () => Error | null } = {}) {
  const rows = change.rows ?? [];
  const live = new Live();
  const reader = new Reader();
  const failures: unknown[] = [];
  let dropped = 0;
  const reads: number[] = [];
  const store = {
    readStream: async (_account: string | null, after: number, limit: number) => {
      reads.push(after);
      const error = change.fail?.();
      if (error) throw error;
      return rows.filter(({ seq }) => seq > after).slice(0, limit);
    },
    streamHead: async () => rows.at(-1)?.seq ?? change.head ?? 0,
  } satisfies Pick<MemoryStore, 'readStream' | 'streamHead'>;
  const session = new StreamSession(
    {
      store,
      subject: personSubject(store, live, 'acc_a'),
      requestId: 'req_1',
      dropped: () => (dropped += 1),
      failed: (error) => failures.push(error),
    },
    reader,
  );
  const subscribe = (after = -1) => session.receive(JSON.stringify({ subscribe: { after } }));
  return { rows, live, reader, session, subscribe, failures, reads, dropped: () => dropped };
}

const progress = { type: 'progress', job_id: 'job_1', fraction: 0.5 } as const;

describe('a subscriber', () => {
  it('from now on is told where now is, then gets what comes', async () => {
    const { reader, subscribe, rows, live } = start({ rows: [row(1), row(2)] });
    subscribe();
    await settled();
    expect(reader.frames).toEqual([{ type: 'subscribed', after: 2, head: 2 }]);
    rows.push(row(3));
    live.published('acc_a');
    await settled();
    expect(reader.frames[1]).toEqual({ type: 'job', seq: 3, job: { id: 'job_3' } });
  });

  it('goes on after what it has seen, through any number of pages', async () => {
    const rows = Array.from({ length: 450 }, (_, n) => row(n + 1));
    const { reader, subscribe } = start({ rows });
    subscribe(7);
    await settled();
    expect(reader.frames[0]).toEqual({ type: 'subscribed', after: 7, head: 450 });
    expect(reader.seqs).toEqual(rows.slice(7).map(({ seq }) => seq));
  });

  it('misses nothing that is stamped while it is being read to', async () => {
    const { reader, subscribe, rows, live } = start({ rows: [row(1)] });
    reader.isSlow = true;
    subscribe(0);
    await settled();
    rows.push(row(2));
    live.published('acc_a');
    live.published('acc_a');
    await settled();
    expect(reader.seqs).toEqual([1]);
    reader.catchUp();
    await settled();
    expect(reader.seqs).toEqual([1, 2]);
  });

  it('that is slow gets the next page only when it has taken this one', async () => {
    const rows = Array.from({ length: 250 }, (_, n) => row(n + 1));
    const { reader, subscribe, reads } = start({ rows });
    reader.isSlow = true;
    subscribe(0);
    await settled();
    expect([reader.seqs.length, reads]).toEqual([100, [0]]);
    reader.catchUp();
    await settled();
    expect([reader.seqs.length, reads]).toEqual([250, [0, 100, 200]]);
  });

  it('that is slow has little waiting in memory, however large the events are', async () => {
    const prompt = 'x'.repeat(60_000);
    const large = (n: number) => ({ ...row(n), payload: JSON.stringify({ prompt }) });
    const rows = Array.from({ length: 100 }, (_, n) => large(n + 1));
    const { reader, subscribe } = start({ rows });
    reader.isSlow = true;
    subscribe(0);
    await settled();
    expect(reader.bufferedAmount).toBeGreaterThan(256 * 1024);
    expect(reader.bufferedAmount).toBeLessThan(512 * 1024);
    reader.catchUp();
    await settled();
    expect(reader.seqs).toEqual(rows.map(({ seq }) => seq));
  });

  it('that is slow gets no lossy frames, and still every job event', async () => {
    const { reader, subscribe, rows, live, dropped } = start();
    subscribe();
    await settled();
    live.ephemeral('acc_a', progress);
    reader.bufferedAmount = 300 * 1024;
    live.ephemeral('acc_a', progress);
    rows.push(row(1));
    live.published('acc_a');
    await settled();
    expect(reader.frames.slice(1).map(({ type }) => type)).toEqual(['progress', 'job']);
    expect(dropped()).toBe(1);
  });

  it('gets nothing before it asked, nothing of others, and nothing when it is gone', async () => {
    const { reader, subscribe, session, live, rows } = start();
    live.ephemeral('acc_a', progress);
    await settled();
    expect(reader.frames).toEqual([]);
    subscribe();
    await settled();
    live.ephemeral('acc_b', progress);
    session.closed();
    live.ephemeral('acc_a', progress);
    rows.push(row(1));
    live.published('acc_a');
    await settled();
    expect(reader.frames).toHaveLength(1);
    expect([...live.watchedAccounts]).toEqual([]);
  });

  it('is asked to come back when the store is away', async () => {
    let error: Error | null = null;
    const { reader, subscribe, live, failures } = start({ fail: () => error });
    subscribe();
    await settled();
    error = new StoreUnavailable('gone');
    live.published('acc_a');
    await settled();
    expect(reader.closed?.[0]).toBe(1013);
    expect(failures).toEqual([]);
    expect([...live.watchedAccounts]).toEqual([]);
  });

  it('is asked to come back when we are wrong, and the log hears of it', async () => {
    const { reader, subscribe, failures } = start({ fail: () => new Error('bug') });
    subscribe();
    await settled();
    expect([reader.closed?.[0], failures]).toEqual([1013, [new Error('bug')]]);
  });
});

describe('a frame that is not understood', () => {
  it.each([
    '',
    '{',
    'null',
    '[]',
    '"subscribe"',
    '{}',
    '{"subscribe":{}}',
    '{"subscribe":{"after":-2}}',
    '{"subscribe":{"after":"0"}}',
    '{"subscribe":{"after":1.5}}',
    '{"subscribe":{"after":1e999}}',
    '{"subscribe":{"after":0,"account":"acc_b"}}',
    '{"acknowledge":-1}',
    '{"unsubscribe":true}',
    '['.repeat(30_000),
  ])('is answered with a problem, and the end: %s', async (text) => {
    const { reader, session, live } = start();
    session.receive(text);
    await settled();
    expect(reader.frames).toMatchObject([
      { type: 'error', problem: { status: 400, code: 'invalid_request', request_id: 'req_1' } },
    ]);
    expect(reader.closed?.[0]).toBe(1008);
    expect([...live.watchedAccounts]).toEqual([]);
  });

  it('includes a second subscription', async () => {
    const { reader, subscribe } = start();
    subscribe();
    subscribe();
    await settled();
    expect(reader.closed).toEqual([1008, 'This connection has subscribed already.']);
  });

  it('does not include an acknowledgement', async () => {
    const { reader, session } = start();
    session.receive('{"acknowledge":5}');
    expect([reader.frames, reader.closed]).toEqual([[], null]);
  });
});
