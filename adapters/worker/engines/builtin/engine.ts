// The built-in engine: runs on the processor, needs no download and no graphics card, so that a fresh
// machine can do the main job. Each model works in its own thread.
import { availableParallelism } from 'node:os';
import sharp from 'sharp';
import {
  EngineFailure,
  type Engine,
  type EngineJob,
} from '../../../../machines/contract/engine.ts';
import { OFFERS, offersFor } from './offers.ts';
import { openRoom, type Room } from './room.ts';

export function createBuiltinEngine({ cores = availableParallelism() } = {}): Engine {
  const rooms = new Map<string, { room: Room; loadMs: number }>();
  const roomFor = (job: EngineJob): Room => {
    const offer = offerOf(job.model);
    if (offer.modality !== job.modality) {
      throw new EngineFailure(
        'unsupported',
        `${offer.name} makes ${offer.modality}, not ${job.modality}.`,
      );
    }
    const open = rooms.get(job.model);
    if (open === undefined) throw new EngineFailure('modelMissing', `${offer.name} is not loaded.`);
    return open.room;
  };
  return {
    name: 'builtin',
    probe: async () => {
      // Loading sharp here first is also what its authors ask for before threads use it.
      if (sharp.versions.vips === undefined) {
        throw new EngineFailure(
          'engineUnreachable',
          'The picture library sharp is not installed for this machine. Run npm install again.',
        );
      }
    },
    models: async () => offersFor(cores),
    load: async (model, signal) => {
      offerOf(model);
      let open = rooms.get(model);
      if (open === undefined) {
        const startedAt = performance.now();
        const room = await openRoom(model, signal);
        open = { room, loadMs: Math.round(performance.now() - startedAt) };
        rooms.set(model, open);
      }
      return { loadMs: open.loadMs, vramBytes: open.room.bytes };
    },
    unload: async (model) => {
      const open = rooms.get(model);
      rooms.delete(model);
      await open?.room.close();
    },
    run: async (job, report, signal) => roomFor(job).run(job, report, signal),
    runBatch: async (members, signal) => {
      const failing = new AbortController();
      const runs = members.map(async ({ job, report, signal: own }) => {
        const all = AbortSignal.any([signal, own, failing.signal]);
        try {
          return await roomFor(job).run(job, report, all);
        } catch (error) {
          // Nobody wants it any more; the others go on.
          if (own.aborted && !signal.aborted) return [];
          failing.abort(error);
          throw error;
        }
      });
      // All threads have let go before it is over.
      await Promise.allSettled(runs);
      return Promise.all(runs);
    },
    close: async () => {
      const open = [...rooms.values()];
      rooms.clear();
      await Promise.all(open.map(({ room }) => room.close()));
    },
  };
}

function offerOf(model: string) {
  const offer = OFFERS.find(({ id }) => id === model);
  if (offer === undefined)
    throw new EngineFailure('modelMissing', `The built-in engine has no model ${model}.`);
  return offer;
}
