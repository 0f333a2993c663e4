// An arbiter over simulated engines on a simulated card, with a clock that the test moves.
import type { BatchPlace } from '../../../machines/contract/batching.ts';
import type { EngineJob } from '../../../machines/contract/engine.ts';
import { createManualClock } from '../clock-testing.ts';
import { createArbiter } from './arbiter.ts';
import {
  createSimulatedHost,
  offerOf,
  SimulatedCard,
  type SimulatedEngineOptions,
  type SimulatedModel,
} from './card-testing.ts';
import { measurementsInMemory } from './measurement-file.ts';

export const GB = 1024 ** 3;

export const model = (id: string, gigabytes: number, change: Partial<SimulatedModel> = {}) => ({
  id,
  bytes: gigabytes * GB,
  workBytes: 0,
  loadMs: 10_000,
  runMs: 8_000,
  ...change,
});

type EngineSetting = Pick<SimulatedEngineOptions, 'name' | 'models' | 'concurrency' | 'pinned'>;

export interface Ended {
  readonly key: string;
  readonly how: string;
  readonly at: number;
}

export function setBench(
  engines: readonly EngineSetting[],
  befalls: SimulatedEngineOptions['befalls'] = () => null,
  { slots = 2, cardBytes = 16 * GB, isMeasurable = true } = {},
) {
  const clock = createManualClock();
  const card = new SimulatedCard(cardBytes);
  const hosts = engines.map((setting) =>
    createSimulatedHost({ ...setting, card, timers: clock, befalls }),
  );
  const all = engines.flatMap(({ name, models }, index) =>
    models.map((each) => ({ each, name, host: hosts[index]! })),
  );
  const find = (id: string) => all.find(({ each }) => each.id === id);
  const measurements = measurementsInMemory();
  const told: string[] = [];
  const logged: string[] = [];
  const note = (_: object, message: string) => void logged.push(message);
  const arbiter = createArbiter({
    hosts,
    hostOf: (id) => find(id)?.host,
    offerOf: (id) => {
      const found = find(id);
      return found && offerOf(found.name, found.each);
    },
    slots,
    vramBytes: cardBytes,
    ...(isMeasurable && { cardUsedBytes: async () => card.used }),
    measurements,
    timers: clock,
    log: { info: () => {}, warn: note, error: note },
    events: {
      loaded: (id) => told.push(`loaded ${id}`),
      loadFailed: (id, code) => told.push(`loadFailed ${id} ${code}`),
      unloaded: (id) => told.push(`unloaded ${id}`),
    },
  });

  const ends: Ended[] = [];
  const stops = new Map<string, AbortController>();
  const end = (key: string, how: string) => ends.push({ key, how, at: clock.now() });
  const run = (key: string, id: string, batch?: BatchPlace) => {
    const stop = new AbortController();
    stops.set(key, stop);
    arbiter.run({
      key,
      model: id,
      work: 1,
      ...(batch && { batch }),
      start: async (engineRun) => {
        told.push(`start ${key}`);
        const job = { id: key, attempt: 1, model: id, modality: 'image', prompt: '', count: 1 };
        try {
          const [output] = await engineRun(
            { ...job, params: {}, inputs: [] } as unknown as EngineJob,
            () => {},
            stop.signal,
          );
          if (new TextDecoder().decode(output?.bytes) !== key)
            card.broken.push(`${key} is given what is another's`);
          end(key, 'finished');
        } catch (error) {
          end(
            key,
            stop.signal.aborted
              ? 'cancelled'
              : ((error as { code?: string }).code ?? String(error)),
          );
        }
      },
      giveUp: (code) => end(key, code),
    });
  };
  /** As the agent does. */
  const cancel = (key: string) => {
    if (arbiter.withdraw(key)) end(key, 'cancelled');
    stops.get(key)!.abort(new Error('cancelled'));
  };
  const pass = async (ms: number, stepMs = 250) => {
    for (let at = 0; at < ms; at += stepMs) {
      // All that became due has had its consequences before time goes on.
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(stepMs);
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  const howOf = (key: string) => ends.filter((each) => each.key === key).map(({ how }) => how);
  return {
    ...{ arbiter, card, hosts, clock, told, logged, ends, measurements },
    run,
    cancel,
    pass,
    howOf,
  };
}
