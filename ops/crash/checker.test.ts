// The checker can fail: one good history passes, and each way of spoiling it breaks the rule it should.
import { expect, test } from 'vitest';
import { judge, RULES } from './checker.ts';
import type { Evidence, LegRow } from './evidence.ts';

const DIGEST = 'a'.repeat(64);

type Writable<T> = T extends readonly (infer Item)[]
  ? Writable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Writable<T[Key]> }
    : T;

/** One account, one job that succeeded (50 mt) and one that was cancelled. */
function good(): Writable<Evidence> {
  const account = 'acc_1';
  const leg = (
    posting: number,
    book: string,
    amountMt: number,
    balanceMt: number | null,
    job: string | null,
  ): LegRow => ({
    ...{ account, posting, book, amountMt, balanceMt, job },
  });
  const job = (id: string, state: string, chargedMt: number) => ({
    ...{ account, kind: 'job' as const, id, revision: 2, state, settled: true },
    context: { spec: { costMt: 50 }, run: { attempt: 1, chargedMt } },
  });
  const turn = (kind: string, id: string, revision: number, to: string) => ({
    ...{ account: kind === 'worker' ? 'system' : account, kind, id, revision, to },
  });
  return {
    seen: [
      { what: 'acknowledged', account, key: 'k1', job: 'job_1', state: 'queued' },
      { what: 'doubt', account, key: 'k2', why: 'no answer' },
      { what: 'acknowledged', account, key: 'k2', job: 'job_2', state: 'queued' },
      { what: 'acknowledged', account, key: 'k1', job: 'job_1', state: 'succeeded' },
      { what: 'state', account, job: 'job_1', state: 'queued', seq: 1 },
      { what: 'state', account, job: 'job_2', state: 'queued', seq: 2 },
      { what: 'state', account, job: 'job_1', state: 'succeeded', seq: 3 },
      { what: 'state', account, job: 'job_2', state: 'cancelled', seq: 4 },
    ],
    engines: [
      { worker: 'w', pid: 7, what: 'begin', job: 'job_1', attempt: 1, running: 1, slots: 1 },
      { worker: 'w', pid: 7, what: 'end', job: 'job_1', attempt: 1, running: 0, slots: 1 },
    ],
    actors: [
      job('job_1', 'succeeded', 50),
      job('job_2', 'cancelled', 0),
      {
        ...{ account, kind: 'quota', id: account, revision: 2, state: 'open', settled: false },
        context: { balance: { allowanceMt: 50, topUpMt: 0, heldMt: 0, holds: {}, posting: 5 } },
      },
      {
        ...{
          account: 'system',
          kind: 'worker',
          id: 'w',
          revision: 1,
          state: 'idle',
          settled: false,
        },
        context: { run: { slots: {} } },
      },
    ],
    journal: [
      turn('job', 'job_1', 1, 'queued'),
      turn('job', 'job_1', 2, 'succeeded'),
      turn('job', 'job_2', 1, 'queued'),
      turn('job', 'job_2', 2, 'cancelled'),
      turn('quota', account, 1, 'open'),
      turn('quota', account, 2, 'open'),
      turn('worker', 'w', 1, 'idle'),
    ],
    ledger: [
      leg(1, 'system:granted', -100, null, null),
      leg(1, 'allowance', 100, 100, null),
      leg(2, 'allowance', -50, 50, 'job_1'),
      leg(2, 'held', 50, 50, 'job_1'),
      leg(3, 'allowance', -50, 0, 'job_2'),
      leg(3, 'held', 50, 100, 'job_2'),
      leg(4, 'held', -50, 50, 'job_1'),
      leg(4, 'system:spent', 50, null, 'job_1'),
      leg(5, 'held', -50, 0, 'job_2'),
      leg(5, 'allowance', 50, 50, 'job_2'),
    ],
    stream: [
      { seq: 1, account, job: 'job_1', state: 'queued' },
      { seq: 2, account, job: 'job_2', state: 'queued' },
      { seq: 3, account, job: 'job_1', state: 'succeeded' },
      { seq: 4, account, job: 'job_2', state: 'cancelled' },
    ],
    streamHead: 4,
    outputs: [
      {
        ...{ job: 'job_1', blob: `sha256:${DIGEST}`, bytes: 9 },
        found: { bytes: 9, sha256: DIGEST, madeFor: 'job_1' },
      },
    ],
    timers: [{ account: 'system', kind: 'worker', id: 'w', name: 'lease' }],
    outbox: [],
    parked: [],
  };
}

test('a good history passes', () => {
  expect(judge(good())).toEqual([]);
});

type Spoil = (evidence: Writable<Evidence>) => void;
const context = (evidence: Writable<Evidence>, id: string) =>
  evidence.actors.find((actor) => actor.id === id)?.context as {
    run: Record<string, unknown>;
    balance: Record<string, unknown>;
  };

const SPOILED: Record<string, [rule: string, spoil: Spoil][]> = {
  'an acknowledged job is gone': [
    ['nothing acknowledged is lost', (e) => e.actors.splice(0, 1)],
    ['nothing acknowledged is lost', (e) => (e.actors[0]!.account = 'acc_2')],
  ],
  'a key made two jobs': [
    ['one job per key', (e) => ((e.seen[3] as { job: string }).job = 'job_2')],
  ],
  'a job appeared from nowhere': [['no job that nobody asked for', (e) => e.seen.splice(1, 2)]],
  'an ending was taken back': [
    ['no ending is taken back', (e) => ((e.seen[3] as { state: string }).state = 'failed')],
  ],
  'a fourth attempt was made': [
    ['at most three attempts', (e) => (e.engines[0]!.attempt = 4)],
    ['at most three attempts', (e) => (context(e, 'job_2').run['attempt'] = 4)],
  ],
  'a result is missing, torn or of somebody else': [
    ['every result is there', (e) => (e.outputs = [])],
    ['every result is there', (e) => (e.outputs[0]!.found = null)],
    ['every result is there', (e) => (e.outputs[0]!.found!.bytes = 8)],
    ['every result is there', (e) => (e.outputs[0]!.found!.sha256 = 'b'.repeat(64))],
    ['every result is there', (e) => (e.outputs[0]!.found!.madeFor = 'job_2')],
  ],
  'an engine ran two in one slot': [
    ['engines within their slots', (e) => (e.engines[0]!.running = 2)],
  ],
  'the stream skips': [
    ['the stream has no gaps', (e) => (e.stream[3]!.seq = 5)],
    ['the stream has no gaps', (e) => (e.stream[3]!.seq = null)],
    ['the stream has no gaps', (e) => (e.streamHead = 5)],
    ['the stream has no gaps', (e) => (e.stream[3]!.seq = 3)],
  ],
  'an ending was told twice, never, or too early': [
    ['the stream ends each job once', (e) => (e.stream[0]!.state = 'succeeded')],
    ['the stream ends each job once', (e) => e.stream.pop()],
    ['the stream ends each job once', (e) => (e.stream[2]!.seq = 0)],
  ],
  'a subscriber missed something or saw it out of order': [
    ['subscribers saw everything', (e) => e.seen.pop()],
    ['subscribers saw everything', (e) => e.seen.push(e.seen.splice(4, 1)[0]!)],
  ],
  'something is left over': [
    [
      'nothing is left over',
      (e) => (e.timers[0] = { account: 'acc_1', kind: 'job', id: 'job_1', name: 'deadline' }),
    ],
    ['nothing is left over', (e) => e.outbox.push({ id: 'w:1:0', destination: 'worker:w' })],
    ['nothing is left over', (e) => e.parked.push({ id: 'p', reason: 'a guard threw' })],
    ['nothing is left over', (e) => (context(e, 'w').run['slots'] = { job_1: {} })],
  ],
  'a posting does not sum to zero, or is missing': [
    ['postings sum to zero', (e) => (e.ledger[9]!.amountMt = 49)],
    ['postings sum to zero', (e) => e.ledger.splice(4, 2)],
  ],
  'a balance is wrong': [
    ['balances are exact', (e) => (e.ledger[3]!.balanceMt = 60)],
    ['balances are exact', (e) => (context(e, 'acc_1').balance['allowanceMt'] = 100)],
  ],
  'tokens stay on hold': [
    ['nothing stays held', (e) => (context(e, 'acc_1').balance['holds'] = { job_2: {} })],
    ['nothing stays held', (e) => (context(e, 'acc_1').balance['heldMt'] = 50)],
    ['nothing stays held', (e) => (context(e, 'acc_1').balance['posting'] = 6)],
  ],
  'a job was charged twice, without success, or not at all': [
    ['settled once', (e) => e.ledger.push({ ...e.ledger[6]! }, { ...e.ledger[7]! })],
    ['settled once', (e) => (e.ledger[9]!.book = 'system:spent')],
    ['settled once', (e) => (e.ledger[7]!.book = 'allowance')],
    ['settled once', (e) => (context(e, 'job_2').run['chargedMt'] = 50)],
    ['settled once', (e) => (e.ledger[2]!.job = e.ledger[3]!.job = 'job_9')],
  ],
  'a revision was written twice or never': [
    ['one turn per revision', (e) => (e.journal[5]!.revision = 1)],
    ['one turn per revision', (e) => e.journal.splice(0, 1)],
    ['one turn per revision', (e) => (e.actors[0]!.revision = 3)],
    ['one turn per revision', (e) => e.journal.push({ ...e.journal[0]!, id: 'job_3' })],
  ],
  'a job did not end, or ended twice': [
    ['every job ended once', (e) => (e.actors[1]!.settled = false)],
    ['every job ended once', (e) => (e.journal[0]!.to = 'failed')],
    ['every job ended once', (e) => (e.journal[1]!.to = 'storing')],
  ],
};

const cases = Object.entries(SPOILED).flatMap(([name, ways]) =>
  ways.map(([rule, spoil], n) => ({ name: `${name} (${n + 1})`, rule, spoil })),
);

test.each(cases)('$name', ({ rule, spoil }) => {
  const evidence = good();
  spoil(evidence);
  const broken = judge(evidence).map((violation) => violation.rule);
  expect(broken.filter((name) => name.startsWith(rule))).not.toEqual([]);
});

test('every rule has been seen to fail', () => {
  const broken = new Set(cases.map(({ rule }) => rule));
  const untested = Object.keys(RULES).filter(
    (name) => ![...broken].some((rule) => name.startsWith(rule)),
  );
  expect(untested).toEqual([]);
});
