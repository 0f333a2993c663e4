// Which engine serves which model. An engine that cannot be reached is left out and asked again.
import type { Engine } from '../../machines/contract/engine.ts';
import { modelOffer, type ModelOffer } from '../../machines/contract/models.ts';
import type { Log, Timers } from './seams.ts';

export interface Catalogue {
  offers(): ModelOffer[];
  engineOf(model: string): Engine | undefined;
  /** Probes every engine once; resolves when each has answered or failed. */
  open(): Promise<void>;
  close(): void;
}

const PROBE_AGAIN_MS = 30_000;

export interface CatalogueOptions {
  readonly engines: readonly Engine[];
  readonly timers: Timers;
  readonly log: Log;
  /** An engine came up later: the runtime has to be told. */
  readonly onChange: () => void;
}

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const served = new Map<string, { offer: ModelOffer; engine: Engine }>();
  const callOffs = new Map<Engine, () => void>();
  let closed = false;

  const add = (engine: Engine, offer: ModelOffer) => {
    const checked = modelOffer.safeParse(offer);
    const other = served.get(offer.id);
    if (!checked.success) {
      options.log.error(
        { model: offer.id, issues: checked.error.issues },
        'An engine offers a model of a wrong shape; it is left out',
      );
    } else if (other !== undefined && other.engine !== engine) {
      options.log.error(
        { model: offer.id, kept: other.engine.name, left: engine.name },
        'Two engines offer a model of one name; the first is kept',
      );
    } else {
      served.set(offer.id, { offer: checked.data, engine });
    }
  };

  const ask = async (engine: Engine): Promise<boolean> => {
    try {
      await engine.probe();
      for (const offer of await engine.models()) add(engine, offer);
      return true;
    } catch (error) {
      if (closed) return false;
      options.log.warn(
        { engine: engine.name, error },
        'An engine does not answer; its models are not offered until it does',
      );
      callOffs.set(
        engine,
        options.timers.after(PROBE_AGAIN_MS, () => void askAgain(engine)),
      );
      return false;
    }
  };

  const askAgain = async (engine: Engine) => {
    if ((await ask(engine)) && !closed) options.onChange();
  };

  return {
    offers: () => [...served.values()].map(({ offer }) => offer),
    engineOf: (model) => served.get(model)?.engine,
    open: async () => {
      await Promise.all(options.engines.map(ask));
    },
    close: () => {
      closed = true;
      for (const callOff of callOffs.values()) callOff();
    },
  };
}
