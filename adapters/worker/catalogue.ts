// Which engine serves which model. An engine that cannot be reached is left out and asked again.
import { modelOffer, type ModelOffer } from '../../machines/contract/models.ts';
import type { EngineHost } from './engine-host.ts';
import type { Log, Timers } from './seams.ts';

export interface Catalogue {
  offers(): ModelOffer[];
  hostOf(model: string): EngineHost | undefined;
  offerOf(model: string): ModelOffer | undefined;
  /** Probes every engine once; resolves when each has answered or failed. */
  open(): Promise<void>;
  close(): void;
}

const PROBE_AGAIN_MS = 30_000;

export interface CatalogueOptions {
  readonly hosts: readonly EngineHost[];
  readonly timers: Timers;
  readonly log: Log;
  /** An engine came up later: the runtime has to be told. */
  readonly onChange: () => void;
}

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const served = new Map<string, { offer: ModelOffer; host: EngineHost }>();
  const callOffs = new Map<EngineHost, () => void>();
  let closed = false;

  const add = (host: EngineHost, offer: ModelOffer) => {
    const checked = modelOffer.safeParse(offer);
    const other = served.get(offer.id);
    if (!checked.success) {
      options.log.error(
        { model: offer.id, issues: checked.error.issues },
        'An engine offers a model of a wrong shape; it is left out',
      );
    } else if (other !== undefined && other.host !== host) {
      options.log.error(
        { model: offer.id, kept: other.host.engine.name, left: host.engine.name },
        'Two engines offer a model of one name; the first is kept',
      );
    } else {
      served.set(offer.id, { offer: checked.data, host });
    }
  };

  const ask = async (host: EngineHost): Promise<boolean> => {
    const { engine } = host;
    try {
      await engine.probe();
      for (const offer of await engine.models()) add(host, offer);
      return true;
    } catch (error) {
      if (closed) return false;
      options.log.warn(
        { engine: engine.name, error },
        'An engine does not answer; its models are not offered until it does',
      );
      callOffs.set(
        host,
        options.timers.after(PROBE_AGAIN_MS, () => void askAgain(host)),
      );
      return false;
    }
  };

  const askAgain = async (host: EngineHost) => {
    if ((await ask(host)) && !closed) options.onChange();
  };

  return {
    offers: () => [...served.values()].map(({ offer }) => offer),
    hostOf: (model) => served.get(model)?.host,
    offerOf: (model) => served.get(model)?.offer,
    open: async () => {
      await Promise.all(options.hosts.map(ask));
    },
    close: () => {
      closed = true;
      for (const callOff of callOffs.values()) callOff();
    },
  };
}
