// Loaded before a runtime (`node --import`): puts a named point in place when the suite asks for it, by
// wrapping one method of the running program. A method that is not there any more is an error, never a
// point that is silently not reached. Production code knows nothing of this.
import { ServerResponse } from 'node:http';
import pg from 'pg';
import { LocalBlobs } from '../../adapters/blobs/local-blobs.ts';
import { PostgresStore } from '../../db/postgres-store.ts';
import { Leases } from '../../runtime/leases.ts';
import { Turns } from '../../runtime/turn.ts';
import { WorkerSession } from '../../runtime/worker-session.ts';
import { WorkerSessions } from '../../runtime/worker-sessions.ts';
import { obeySuite, pass, type RuntimePoint } from './points.ts';

type Method = (this: unknown, ...values: never[]) => unknown;
type Wrapper = (call: () => unknown, values: readonly unknown[], self: unknown) => unknown;

function wrap(owner: object, name: string, wrapper: Wrapper): void {
  const prototype = owner as Record<string, Method | undefined>;
  const original = prototype[name];
  if (typeof original !== 'function')
    throw new Error(`The crash suite looks for a method ${name} that is not there any more.`);
  prototype[name] = function (this: unknown, ...values: never[]) {
    return wrapper(() => original.apply(this, values), values, this);
  };
}

const before = (owner: object, name: string, point: RuntimePoint, when = always) =>
  wrap(owner, name, (call, values) => {
    if (when(values)) pass(point);
    return call();
  });

/** After what the call wrote has gone to the kernel, before anything that comes back is read. */
const justAfter = (owner: object, name: string, point: RuntimePoint, when = always) =>
  wrap(owner, name, (call, values) => {
    const result = call();
    if (when(values)) pass(point);
    return result;
  });

const onceResolved = (owner: object, name: string, point: RuntimePoint) =>
  wrap(owner, name, async (call) => {
    const result = await call();
    pass(point);
    return result;
  });

type When = (values: readonly unknown[]) => boolean;
const always: When = () => true;
const isFrame =
  (type: string): When =>
  ([frame]) =>
    (frame as { type?: unknown }).type === type;
const isCommit: When = ([query]) =>
  String((query as { name?: unknown } | undefined)?.name).startsWith('commit_');

/** The bytes go on to be written; with the next ones we are gone. */
async function* passing(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    yield chunk;
    pass('uploading');
  }
}

const PLACES: Readonly<Record<RuntimePoint, () => void>> = {
  beforeCompute: () => before(Turns.prototype, 'post', 'beforeCompute'),
  beforeCommit: () => before(PostgresStore.prototype, 'commit', 'beforeCommit'),
  commitSent: () => justAfter(pg.Client.prototype, 'query', 'commitSent', isCommit),
  commitAnswered: () => onceResolved(PostgresStore.prototype, 'commit', 'commitAnswered'),
  answerSent: () =>
    wrap(ServerResponse.prototype, 'end', (call, _, self) => {
      const result = call();
      if ((self as ServerResponse).statusCode === 202) pass('answerSent');
      return result;
    }),
  beforeOrder: () => before(WorkerSession.prototype, 'send', 'beforeOrder', isFrame('run')),
  orderWritten: () => justAfter(WorkerSession.prototype, 'send', 'orderWritten', isFrame('run')),
  resultReceived: () =>
    before(WorkerSession.prototype, 'receive', 'resultReceived', isFrame('finished')),
  uploading: () => {
    const { append } = LocalBlobs.prototype;
    LocalBlobs.prototype.append = function (upload, offset, bytes) {
      return append.call(this, upload, offset, passing(bytes));
    };
  },
  uploadWhole: () => before(LocalBlobs.prototype, 'finish', 'uploadWhole'),
  timersDue: () =>
    wrap(PostgresStore.prototype, 'dueTimers', async (call) => {
      const due = (await call()) as readonly unknown[];
      if (due.length > 0) pass('timersDue');
      return due;
    }),
  doorsClosing: () => before(WorkerSessions.prototype, 'stop', 'doorsClosing'),
  leasesHeld: () => before(Leases.prototype, 'stop', 'leasesHeld'),
};

const placed = new Set<string>();

obeySuite((point) => {
  const place = PLACES[point as RuntimePoint];
  if (place === undefined) throw new Error(`A runtime has no point ${point}.`);
  if (!placed.has(point)) place();
  placed.add(point);
});
