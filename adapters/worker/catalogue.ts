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

const PROBE_AGAIN_MS = 5_000;
/** About what it takes to start most engines again. */
const BACK_WITHIN_MS = 30_000;

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
  /** Told already, so that one that is away for a day is one line in the log. */
  const away = new Set<EngineHost>();
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
      away.delete(host);
      return true;
    } catch (error) {
      if (closed) return false;
      if (!away.has(host)) {
        options.log.warn(
          { engine: engine.name, error },
          'An engine does not answer; its models are not offered until it does',
        );
      }
      away.add(host);
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

  /** It went down. One that is back soon keeps its place: each change costs a connection. */
  const doubt = (host: EngineHost) => {
    if (closed || away.has(host)) return;
    callOffs.get(host)?.();
    callOffs.set(
      host,
      options.timers.after(BACK_WITHIN_MS, () => void withdrawAbsent(host)),
    );
  };

  const withdrawAbsent = async (host: EngineHost) => {
    if ((await ask(host)) || closed) return;
    for (const [model, { host: other }] of served) if (other === host) served.delete(model);
    options.onChange();
  };

  for (const host of options.hosts) host.onDown?.(() => doubt(host));

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
