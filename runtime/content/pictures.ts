// Pictures, looked at before anybody sees them: those that people bring when they are asked to be used, those that were
// made when the worker says that it has finished. What cannot be looked at is not shown.
import type { DatabasePool } from 'slonik';
import { findLooks, noteLooks } from '../../db/queries/blobs.ts';
import { insertStrike } from '../../db/queries/strikes.ts';
import type { Store } from '../../db/store.ts';
import { isLookedAt, mayBeShown } from '../../machines/content/looks.ts';
import { USUAL, type Audience } from '../../machines/content/audience.ts';
import type { Blobs } from '../../machines/contract/blobs.ts';
import { jobRef } from '../../machines/contract/ids.ts';
import type { Looks, MediaCheck } from '../../machines/contract/media.ts';
import type { Output } from '../../machines/contract/worker-protocol.ts';
import type { JobContext } from '../../machines/job/context.ts';
import { restore } from '../actor.ts';
import { Refused } from '../refusals.ts';
import { contextOf } from '../views.ts';
import type { PolicyFile } from './policy-file.ts';

/** Jobs of which it is known who may be looking. */
const KNOWN_MAX = 5_000;

const HIDDEN =
  'The picture shows more than may be shown in this place or on this plan, so nobody has seen it. If that is wrong, ' +
  'ask for another look: POST /v1/jobs/{id}/appeal.';
const UNCHECKED = 'The picture could not be checked, so it is not shown. Please try again.';

interface Seams {
  readonly isOn: boolean;
  readonly file: Pick<PolicyFile, 'current'>;
  readonly pool: DatabasePool;
  readonly blobs: Pick<Blobs, 'read'>;
  readonly media: Pick<MediaCheck, 'look'>;
  readonly store: Pick<Store, 'load'>;
  readonly log: (message: string) => void;
  readonly count: (outcome: 'shown' | 'hidden' | 'unchecked') => void;
}

type Picture = Pick<Output, 'blob' | 'mediaType'>;

export class Pictures {
  readonly #seams: Seams;
  readonly #audiences = new Map<string, Audience | null>();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  /** Of what somebody wants to have worked on. @throws Refused where it cannot be told */
  async whyNotUsed(
    accountId: string,
    pictures: readonly Picture[],
    audience: Audience,
  ): Promise<Refused | null> {
    const outcome = await this.#outcome(accountId, pictures, audience);
    if (outcome === 'unchecked')
      throw new Refused(503, 'unavailable', 'A file could not be checked. Try again in a moment.');
    if (outcome === 'shown') return null;
    return new Refused(
      422,
      'refused_content',
      'One of the pictures shows more than may be worked on in this place or on this plan.',
      { rule: 'picture', audience },
    );
  }

  /** Of a result. A seam of the workers' sessions: it answers, whatever happens. */
  readonly whyHidden = async (
    accountId: string,
    job: string,
    outputs: readonly Output[],
  ): Promise<string | null> => {
    const { isOn, pool, log } = this.#seams;
    if (!isOn) return null;
    try {
      const outcome = await this.#outcome(
        accountId,
        outputs,
        await this.#audienceOf(accountId, job),
      );
      if (outcome === 'hidden')
        await insertStrike(pool, { accountId, rule: 'picture', jobId: job });
      return outcome === 'shown' ? null : outcome === 'hidden' ? HIDDEN : UNCHECKED;
    } catch (error) {
      log(`pictures: ${(error as Error).message}`);
      return UNCHECKED;
    }
  };

  /** What forms may already be too much. Known a moment after the first was asked for; until then nothing is shown. */
  readonly showsPreviews = (accountId: string, job: string): boolean => {
    if (!this.#seams.isOn) return true;
    const known = this.#audiences.get(job);
    if (known === undefined) {
      this.#audiences.set(job, null);
      const [oldest] = this.#audiences.keys();
      if (this.#audiences.size > KNOWN_MAX && oldest !== undefined) this.#audiences.delete(oldest);
      this.#audienceOf(accountId, job).then(
        (audience) => this.#audiences.set(job, audience),
        () => this.#audiences.delete(job),
      );
    }
    return known === 'adult';
  };

  async #audienceOf(accountId: string, job: string): Promise<Audience> {
    const [row] = await this.#seams.store.load([jobRef(accountId, job)]);
    return (row && contextOf<JobContext>(restore(row)).spec.audience) ?? USUAL;
  }

  async #outcome(
    accountId: string,
    all: readonly Picture[],
    audience: Audience,
  ): Promise<'shown' | 'hidden' | 'unchecked'> {
    const { isOn, file, log, count } = this.#seams;
    const { pictures: bounds } = await file.current();
    const pictures = all.filter(({ mediaType }) => mediaType.startsWith('image/'));
    if (!isOn || pictures.length === 0 || !isLookedAt(bounds, audience)) return 'shown';
    try {
      for (const { blob } of pictures) {
        const seen = await this.#looksOf(accountId, blob);
        if (mayBeShown(seen, audience, bounds)) continue;
        count('hidden');
        return 'hidden';
      }
      count('shown');
      return 'shown';
    } catch (error) {
      log(`pictures: one could not be looked at: ${(error as Error).message}`);
      count('unchecked');
      return 'unchecked';
    }
  }

  async #looksOf(accountId: string, blob: string): Promise<Looks> {
    const { pool, blobs, media } = this.#seams;
    const known = await findLooks(pool, accountId, blob);
    if (known) return known;
    const { body } = await blobs.read(blob);
    const seen = await media.look(body);
    await noteLooks(pool, accountId, blob, seen);
    return seen;
  }
}
