// What the runtime is told of the models: what engines declare, corrected by what was measured here. It is
// told anew when that has changed much, but seldom: a `hello` costs a connection.
import type { ModelOffer } from '../../machines/contract/models.ts';
import type { Measurements } from './arbiter/measurement-file.ts';
import { isFarFrom, withLearned } from './arbiter/measurements.ts';
import type { Catalogue } from './catalogue.ts';
import type { Timers } from './seams.ts';

export interface OffersOptions {
  readonly catalogue: Pick<Catalogue, 'offers'>;
  readonly measurements: Measurements;
  readonly timers: Timers;
  readonly renew: () => void;
}

export interface Offers {
  /** For a `hello`. */
  tell(): ModelOffer[];
  noteMeasured(): void;
  close(): void;
}

const RENEW_EVERY_MS = 10 * 60_000;

export function createOffers({ catalogue, measurements, timers, renew }: OffersOptions): Offers {
  let told: ReadonlyMap<string, ModelOffer> = new Map();
  let toldAt = -Infinity;
  let callOff: (() => void) | undefined;

  const now = () =>
    catalogue.offers().map((offer) => withLearned(offer, measurements.of(offer.id)));
  const stop = () => {
    callOff?.();
    callOff = undefined;
  };
  const isMisleading = (offer: ModelOffer) => {
    const before = told.get(offer.id);
    return before !== undefined && isFarFrom(before, offer);
  };
  return {
    tell: () => {
      stop();
      toldAt = timers.now();
      const offers = now();
      told = new Map(offers.map((offer) => [offer.id, offer]));
      return offers;
    },
    noteMeasured: () => {
      if (callOff !== undefined || !now().some(isMisleading)) return;
      callOff = timers.after(Math.max(0, toldAt + RENEW_EVERY_MS - timers.now()), renew);
    },
    close: stop,
  };
}
