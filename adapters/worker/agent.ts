// The worker agent: takes commands from the runtime, lets engines carry them out, reports. Start reading
// here; `attempt.ts` is one job's way through, `arbiter/` the order and the memory of the GPU.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  AgentFrame,
  RuntimeFrame,
  WorkerCommand,
} from '../../machines/contract/worker-protocol.ts';
import { createArbiter } from './arbiter/arbiter.ts';
import { openMeasurements } from './arbiter/measurement-file.ts';
import { attemptKey, createAttempt, type Attempt, type RunOrder } from './attempt.ts';
import { createCatalogue } from './catalogue.ts';
import { connect, type Connection } from './connection.ts';
import type { EngineHost } from './engine-host.ts';
import type { GpuFacts } from './gpu.ts';
import { createOffers } from './offers.ts';
import { openResults } from './results.ts';
import { systemSeams, type Log, type Seams } from './seams.ts';

export interface AgentOptions {
  /** Where the runtime listens, as `http://host:port`. */
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly version: string;
  /** For results that are not settled yet, and what was measured. One agent per folder. */
  readonly folder: string;
  readonly hosts: readonly EngineHost[];
  readonly slots: number;
  readonly gpu: GpuFacts | null;
  /** In use on the card now, by whomever; null where nobody can tell. */
  readonly cardUsedBytes?: () => Promise<number | null>;
  readonly log: Log;
  readonly seams?: Partial<Seams>;
}

export interface Agent {
  /** Stops the work, hangs up and removes what was kept. */
  close(): Promise<void>;
  /** Resolves with the reason when the agent has ended, by itself or by `close`. */
  readonly closed: Promise<string>;
}

/** Ends of attempts that are no longer kept, so that a repeated command is not work again. */
const SETTLED_COMMANDS_MAX = 2000;

export function startAgent(options: AgentOptions): Agent {
  const { log, name, version, slots, gpu } = options;
  const seams: Seams = { ...systemSeams, ...options.seams };
  const epoch = randomUUID();
  const results = openResults(options.folder);
  const attempts = new Map<string, Attempt>();
  const settledCommands = new Set<string>();
  let connection: Connection | undefined;
  let isDraining = false;
  let isClosed = false;
  const ended = Promise.withResolvers<string>();

  const send = (frame: AgentFrame) => void connection?.send(frame);
  const deliver = (frame: AgentFrame) => connection?.deliver(frame);

  const renew = () => connection?.renew();
  const catalogue = createCatalogue({ ...options, timers: seams.timers, onChange: renew });
  const measurements = openMeasurements(join(options.folder, 'measurements.json'), {
    timers: seams.timers,
    log,
    onChange: () => offers.noteMeasured(),
  });
  const offers = createOffers({ catalogue, measurements, timers: seams.timers, renew });

  const arbiter = createArbiter({
    ...options,
    hostOf: catalogue.hostOf,
    offerOf: catalogue.offerOf,
    vramBytes: gpu?.vramBytes || null,
    measurements,
    timers: seams.timers,
    events: {
      loaded: (model, loadMs, vramBytes) => deliver({ type: 'loaded', model, loadMs, vramBytes }),
      loadFailed: (model, code, message) => deliver({ type: 'loadFailed', model, code, message }),
      unloaded: (model) => deliver({ type: 'unloaded', model }),
    },
  });

  let connections = 0;
  const hello = (): AgentFrame => ({
    type: 'hello',
    protocol: 1,
    epoch,
    connection: (connections += 1),
    name,
    version,
    gpu,
    slots,
    models: offers.tell(),
    loaded: arbiter.loaded(),
    ...(arbiter.pinned().length > 0 && { pinned: arbiter.pinned() }),
    attempts: [...attempts.values()].map(({ order }) => ({
      job: order.job,
      attempt: order.attempt,
    })),
  });

  const tellWhenDrained = () => {
    if (!isDraining || [...attempts.values()].some((attempt) => !attempt.isEnded())) return;
    isDraining = false;
    deliver({ type: 'drained' });
  };

  const take = (order: RunOrder) => {
    const known = attempts.get(attemptKey(order));
    if (known !== undefined) return known.isEnded() ? known.repeat() : undefined;
    // Delivered twice: the first has run and is settled.
    if (settledCommands.has(order.id)) return;
    const attempt = createAttempt(order, {
      ...options,
      seams,
      results,
      send,
      isOnline: () => connection?.isOnline() ?? false,
      whenOnline: (signal) => connection?.whenOnline(signal) ?? Promise.reject(signal.reason),
      onEnd: tellWhenDrained,
    });
    attempts.set(attempt.key, attempt);
    if (catalogue.hostOf(order.model) === undefined) {
      return attempt.fail('modelMissing', `This worker has no model ${order.model}.`);
    }
    const { key } = attempt;
    arbiter.run({
      key,
      model: order.model,
      work: order.work ?? 1,
      ...(order.batch && { batch: order.batch }),
      start: attempt.start,
      giveUp: attempt.fail,
    });
  };

  const cancel = (of: { job: string; attempt: number }) => {
    const key = attemptKey(of);
    const attempt = attempts.get(key);
    // Never heard of, or settled long ago: either way nothing of it runs here.
    if (attempt === undefined) return send({ type: 'cancelled', job: of.job, attempt: of.attempt });
    arbiter.withdraw(key);
    attempt.cancel();
  };

  const settle = (of: { job: string; attempt: number }) => {
    const key = attemptKey(of);
    const attempt = attempts.get(key);
    if (attempt === undefined) return;
    attempts.delete(key);
    settledCommands.add(attempt.order.id);
    for (const oldest of settledCommands) {
      if (settledCommands.size <= SETTLED_COMMANDS_MAX) break;
      settledCommands.delete(oldest);
    }
    // Settled without our end: the runtime has closed the attempt, so its work is in vain.
    arbiter.withdraw(key);
    if (!attempt.isEnded()) attempt.abandon();
    results
      .forget(key)
      .catch((error: unknown) => log.warn({ error }, 'A result could not be removed'));
    tellWhenDrained();
  };

  const obey = (command: WorkerCommand) => {
    send({ type: 'acknowledged', command: command.id });
    switch (command.type) {
      case 'load':
        return arbiter.load(command.model);
      case 'unload':
        return arbiter.unload(command.model);
      case 'run':
        return take(command);
      case 'cancel':
        return cancel(command);
      case 'pin':
        return arbiter.pin(command.models);
      case 'drain':
        isDraining = true;
        return tellWhenDrained();
    }
  };

  const onFrame = (frame: Exclude<RuntimeFrame, { type: 'welcome' }>) =>
    frame.type === 'settled' ? settle(frame) : obey(frame);

  const close = async (reason: string) => {
    if (isClosed) return;
    isClosed = true;
    for (const [key, attempt] of attempts) {
      arbiter.withdraw(key);
      attempt.abandon();
    }
    arbiter.close();
    catalogue.close();
    offers.close();
    connection?.close();
    await measurements.close();
    await results.clear().catch(() => {});
    ended.resolve(reason);
  };

  const open = async () => {
    await results.clear();
    await mkdir(options.folder, { recursive: true });
    await catalogue.open();
    if (isClosed) return;
    connection = connect({
      url: options.url,
      key: options.key,
      seams,
      log,
      hello,
      onWelcome: () => {
        for (const attempt of attempts.values()) attempt.repeat();
      },
      onFrame,
      onEnd: (reason) => void close(reason),
    });
  };

  open().catch((error: unknown) => {
    log.error({ error }, `The worker cannot use its folder ${options.folder}`);
    void close('The worker cannot use its folder.');
  });
  return { close: () => close('The worker was stopped.'), closed: ended.promise };
}
