// An engine's adapter whose models take room on the simulated card, and whose process can die, lose the card and
// be started again.
import type { EngineHost } from '../../adapters/worker/engine-host.ts';
import { EngineFailure, type Engine } from '../../machines/contract/engine.ts';
import type { SimulatedCard } from './card.ts';

/** The server behind the adapter. */
export interface Server {
  kill(): Promise<void>;
  restart(): Promise<void>;
}

export interface CardEngine extends EngineHost {
  readonly name: string;
  /** Its process dies by itself; whoever supervises it brings it back after a while. */
  die(reason: string): Promise<void>;
  /** Restarts that were asked for, because it hung or ran out of memory again and again. */
  restarts(): number;
  close(): Promise<void>;
}

const START_MS = 400;

const answers = (engine: Engine): Promise<boolean> =>
  engine.probe().then(
    () => true,
    () => false,
  );

export async function engineOnCard(
  name: string,
  card: SimulatedCard,
  engine: Engine,
  server: Server,
): Promise<CardEngine> {
  const offers = new Map((await engine.models()).map((offer) => [offer.id, offer.vramBytes]));
  const listeners = new Set<(reason: string) => void>();
  let restarts = 0;
  let starting: Promise<void> | null = null;
  const ownerOf = (model: string): string => `${name} ${model}`;

  const start = (): Promise<void> => {
    starting ??= (async () => {
      card.releaseAll(`${name} `);
      await server.kill();
      await new Promise((resolve) => setTimeout(resolve, START_MS));
      await server.restart();
      await engine.probe();
    })().finally(() => (starting = null));
    return starting;
  };

  return {
    name,
    pinned: [],
    engine: {
      ...engine,
      name: engine.name,
      async load(model, signal) {
        const isNew = !card.has(ownerOf(model));
        for (const other of isNew ? offers.keys() : [])
          if (other !== model && engine.drops?.(model, other)) card.release(ownerOf(other));
        if (!card.take(ownerOf(model), offers.get(model) ?? 0))
          throw new EngineFailure('outOfMemory', 'The card has no room for the model.');
        try {
          const { loadMs } = await engine.load(model, signal);
          return { loadMs, vramBytes: offers.get(model) ?? 0 };
        } catch (error) {
          if (isNew) card.release(ownerOf(model));
          throw error;
        }
      },
      async run(job, report, signal) {
        try {
          return await engine.run(job, report, signal);
        } catch (error) {
          // It died by itself: what its process held is free, as on a real card.
          const mayBeGone = error instanceof EngineFailure && error.code === 'engineCrashed';
          if (mayBeGone && !(await answers(engine))) card.releaseAll(`${name} `);
          throw error;
        }
      },
      async unload(model) {
        await engine.unload(model);
        card.release(ownerOf(model));
      },
    },
    restart: () => {
      restarts += 1;
      return start();
    },
    onDown: (listener) => void listeners.add(listener),
    async die(reason) {
      const back = start();
      for (const listener of listeners) listener(reason);
      await back;
    },
    restarts: () => restarts,
    async close() {
      await engine.close();
      await server.kill();
    },
  };
}
