// One job in one chat, from the first word to the result. It decides what is worth telling; how it looks is the
// surface's, when it leaves is the governor's, and what must not be forgotten is noted at the control plane.
import type { DeliveryView } from '../../machines/contract/frontend-views.ts';
import type { EtaView, JobView } from '../../machines/contract/views.ts';
import type { FrontendClient } from '../client/frontend.ts';
import type { FrameOf } from '../client/live.ts';
import { TesseraProblem } from '../client/problem.ts';
import { AGAIN, DONE, type Governor, type Lane, type Outcome } from './governor.ts';
import { isWorthTelling, type Outlook } from './steps.ts';
import type { Status } from './wording.ts';

/** What a surface remembers of a job; kept at the control plane. */
export type Note = Readonly<Record<string, unknown>>;

/** A delivery under way. */
export interface Errand {
  readonly delivery: DeliveryView;
  readonly note: Note;
  /** Before it resolves the note is safe. Keeps what is not named. @throws TesseraProblem */
  keep(note: Note): Promise<void>;
}

/** Nobody can be told: why, for the operator. */
export interface Dead {
  readonly kind: 'dead';
  readonly reason: string;
}

/** One bot on its platform. */
export interface Surface {
  readonly bot: string;
  /** Least time between two changes of one message. */
  gapMs(chat: string): number;
  /** Sends the message that changes, or changes it. */
  status(errand: Errand, status: Status): Promise<Outcome>;
  /** The end: the result, or that there is none and nothing was charged. */
  bring(errand: Errand): Promise<Outcome | Dead>;
  /** "uploads a photo…", where the platform has such. */
  activity?(errand: Errand): Promise<Outcome>;
}

export interface TellerSeams {
  readonly client: Pick<FrontendClient, 'changeDelivery'>;
  readonly governor: Governor;
  readonly surface: Surface;
  /** Nothing is left to do for it. */
  readonly over: (jobId: string) => void;
}

export class Teller {
  readonly #seams: TellerSeams;
  #delivery: DeliveryView;
  #note: Note;
  #outlook: { position: number | null; eta: EtaView | null };
  #progress: { fraction: number; preview: string | null } | null = null;
  #told: (Outlook & { readonly phase: JobView['phase'] }) | null = null;
  #isBringing = false;
  /** It was brought, or cannot be; only the control plane does not know yet. */
  #verdict: 'brought' | Dead | null = null;

  constructor(seams: TellerSeams, delivery: DeliveryView) {
    this.#seams = seams;
    this.#delivery = delivery;
    this.#note = delivery.note;
    this.#outlook = delivery.job;
    this.#tell();
  }

  /** News of the job. Repeats and what is older change nothing. */
  changed(job: JobView): void {
    if (this.#isBringing) return;
    this.#delivery = { ...this.#delivery, job };
    if (job.phase !== 'waiting') this.#outlook = job;
    this.#tell();
  }

  moved({ position, eta }: FrameOf<'position'>): void {
    this.#outlook = { position, eta };
    this.#tell();
  }

  progressed({ fraction, preview }: FrameOf<'progress'>): void {
    this.#progress = { fraction, preview: preview ?? this.#progress?.preview ?? null };
    // What is said of a job is not always newer than what is shown of it.
    const { job } = this.#delivery;
    if (job.phase === 'waiting' || job.phase === 'loading_model')
      this.#delivery = { ...this.#delivery, job: { ...job, phase: 'executing' } };
    if (!this.#isBringing) this.#say('progress');
  }

  #tell(): void {
    const { job } = this.#delivery;
    if (job.phase === 'settled') return this.#bring();
    const now = { position: this.#outlook.position, etaS: this.#outlook.eta?.max_s ?? null };
    const told = this.#told;
    if (told !== null && told.phase === job.phase && !isWorthTelling(told, now)) return;
    this.#told = { ...now, phase: job.phase };
    this.#say(told === null ? 'status' : 'progress');
  }

  #say(lane: Lane): void {
    const { governor, surface } = this.#seams;
    const { job, chat } = this.#delivery;
    governor.offer({
      ...{ key: job.id, chat, lane, gapMs: surface.gapMs(chat) },
      send: () => guarded(() => (this.#isBringing ? Promise.resolve(DONE) : this.#status())),
    });
    if (surface.activity && job.phase === 'executing')
      governor.offer({
        ...{ key: `${job.id} activity`, chat, lane: 'progress', gapMs: 4_500 },
        send: () => guarded(() => surface.activity!(this.#errand())),
      });
  }

  #status(): Promise<Outcome> {
    const { job } = this.#delivery;
    return this.#seams.surface.status(this.#errand(), {
      job,
      ...this.#outlook,
      fraction: this.#progress?.fraction ?? null,
      preview: this.#progress?.preview ?? null,
    });
  }

  #bring(): void {
    if (this.#isBringing) return;
    this.#isBringing = true;
    const { governor } = this.#seams;
    const { job, chat } = this.#delivery;
    governor.withdraw(`${job.id} activity`);
    governor.offer({
      ...{ key: job.id, chat, lane: 'final' },
      send: () => guarded(() => this.#finish()),
    });
  }

  async #finish(): Promise<Outcome> {
    const { surface, client, over } = this.#seams;
    const { id } = this.#delivery.job;
    if (this.#verdict === null) {
      const outcome = await surface.bring(this.#errand());
      if (outcome.kind === 'wait' || outcome.kind === 'again') return outcome;
      this.#verdict = outcome.kind === 'dead' ? outcome : 'brought';
    }
    const verdict = this.#verdict;
    await client.changeDelivery(
      id,
      verdict === 'brought'
        ? { state: 'delivered' }
        : { state: 'dead', reason: verdict.reason.slice(0, 500) },
    );
    over(id);
    return DONE;
  }

  #errand(): Errand {
    return {
      delivery: this.#delivery,
      note: this.#note,
      keep: async (note) => {
        // Known here at once: should the control plane be away, nothing is sent twice by this process.
        this.#note = { ...this.#note, ...note };
        await this.#seams.client.changeDelivery(this.#delivery.job.id, { note: this.#note });
      },
    };
  }
}

/** The control plane may be away for a while. */
async function guarded(send: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await send();
  } catch (error) {
    if (error instanceof TesseraProblem && isPassing(error)) return AGAIN;
    throw error;
  }
}

export const isPassing = ({ status }: TesseraProblem): boolean =>
  status === 0 || status === 429 || status >= 500;
