// Who is kept out: persons and networks at the door, chats and servers where a frontend says that they ask. Bans of
// all runtimes hold everywhere within seconds.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { listBans, type Ban } from '../../db/queries/bans.ts';
import { placesOf } from '../../machines/content/audience.ts';
import type { Host } from '../host.ts';
import type { Refused } from '../refusals.ts';
import { refuse } from './problems.ts';
import { networkOf } from './rates.ts';
import { Remembered } from './remembered.ts';

const REMEMBER_MS = 3_000;

export class Bans {
  readonly #known: Remembered<ReadonlyMap<string, Ban>>;
  readonly #now: () => number;

  constructor({ pool, clock }: Pick<Host, 'pool' | 'clock'>) {
    this.#now = () => clock.now();
    const read = async () => new Map((await listBans(pool)).map((ban) => [ban.subject, ban]));
    this.#known = new Remembered(read, this.#now, REMEMBER_MS);
  }

  /** Changed here: no need to wait. */
  forget(): void {
    this.#known.forget('all');
  }

  /** @throws Refused */
  async refuse(subjects: readonly string[]): Promise<void> {
    const bans = await this.#known.get('all');
    for (const subject of subjects) {
      const ban = bans.get(subject);
      if (ban && (ban.until === null || ban.until > this.#now())) throw banned(ban);
    }
  }

  /** Of operators and workers nobody is kept out: their keys are revoked. */
  atTheDoor(app: FastifyInstance): void {
    app.addHook('preValidation', async (request) => {
      const { principal } = request;
      if (!principal || principal.kind === 'admin' || principal.kind === 'worker') return;
      const network = networkOf(request.ip);
      await this.refuse([
        `account:${principal.accountId}`,
        ...(network === null ? [] : [`network:${network}`]),
        ...(principal.kind === 'frontend' ? placesIn(request) : []),
      ]);
    });
  }
}

const placesIn = ({ body }: FastifyRequest): string[] => {
  const { origin } = (typeof body === 'object' && body !== null ? body : {}) as {
    origin?: unknown;
  };
  return typeof origin === 'string' ? placesOf(origin).map((place) => `place:${place}`) : [];
};

function banned({ subject, reason, until }: Ban): Refused {
  const [kind = ''] = subject.split(':');
  const what = { account: 'This account', network: 'This network', place: 'This chat or server' };
  const ends = until === null ? null : new Date(until).toISOString();
  return refuse(
    'banned',
    `${what[kind as keyof typeof what]} is kept out${ends === null ? '' : ` until ${ends}`}: ` +
      `${reason.replace(/[.!?]?$/, '.')} If that is wrong, write to whoever runs this service, with the request id.`,
    { until: ends, subject: kind },
  );
}
