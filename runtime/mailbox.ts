// Events waiting for a turn. Bounded, in total and for each actor: when it is full the caller is told to
// come back later.
import type { Lease } from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { refKey, type ActorRef } from '../machines/contract/ids.ts';
import type { Refusal } from '../machines/effect.ts';
import type { Actor } from './actor.ts';

/** What became of an event, known only after its commit. */
export type Outcome =
  | {
      readonly ok: true;
      /** The actor after the turn; null when there is none and the event does not create one. */
      readonly actor: Actor | null;
      readonly changed: boolean;
    }
  | { readonly ok: false; readonly refusal: Refusal };

export interface Mail {
  readonly to: ActorRef;
  readonly event: ActorEvent;
  /** Set on a timer: it only counts while this arming is the current one. */
  readonly timer?: { readonly name: string; readonly armingId: number };
  /** An assignment: it may be committed only while this lease is held. */
  readonly fence?: Lease;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: Error) => void;
  tries: number;
  /** Commits whose outcome stayed unknown: asked about before the event is ever applied again. */
  readonly doubts: {
    readonly batchId: string;
    readonly ref: ActorRef;
    readonly revision: number;
  }[];
  /** What the caller is told once the component is committed. */
  outcome?: Outcome;
  failure?: Error;
  /** Why the last try failed. */
  cause?: Error;
}

export class Overloaded extends Error {
  override readonly name = 'Overloaded';
  readonly retryAfterS = 1;
}

/** Of one attempt, all go the same way, so that none overtakes another. */
const isReport = ({ to, event }: Mail): boolean =>
  to.kind === 'worker' || event.type.startsWith('run.');

/** One actor cannot take all the room: whoever floods one job is turned down, and nobody else. */
const PER_ACTOR_MAX = 1_000;

export class Mailbox {
  /** What workers report goes before what is asked for: it frees the slots that requests wait for. */
  #reports: Mail[] = [];
  #requests: Mail[] = [];
  /** By actor, how many of them are waiting. */
  readonly #waiting = new Map<string, number>();
  readonly #capacity: number;
  #filled: PromiseWithResolvers<void> | null = null;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#reports.length + this.#requests.length;
  }

  put(mail: Mail): void {
    if (this.size >= this.#capacity)
      throw new Overloaded(`${this.#capacity} events are waiting. Try again in a moment.`);
    if ((this.#waiting.get(refKey(mail.to)) ?? 0) >= PER_ACTOR_MAX)
      throw new Overloaded(
        `${PER_ACTOR_MAX} events wait for the same actor. Try again in a moment.`,
      );
    this.#count(mail, 1);
    (isReport(mail) ? this.#reports : this.#requests).push(mail);
    this.wake();
  }

  /** Resolves when the next event has come, or there is another reason to look. */
  filled(): Promise<void> {
    return (this.#filled ??= Promise.withResolvers()).promise;
  }

  wake(): void {
    this.#filled?.resolve();
    this.#filled = null;
  }

  /** Work that lost a race goes first; it was let in before. */
  putBack(mails: readonly Mail[]): void {
    for (const mail of mails) this.#count(mail, 1);
    this.#reports = [...mails.filter(isReport), ...this.#reports];
    this.#requests = [...mails.filter((mail) => !isReport(mail)), ...this.#requests];
  }

  take(max: number): Mail[] {
    const taken = this.#reports.splice(0, max);
    taken.push(...this.#requests.splice(0, max - taken.length));
    for (const mail of taken) this.#count(mail, -1);
    return taken;
  }

  #count({ to }: Mail, change: 1 | -1): void {
    const key = refKey(to);
    const count = (this.#waiting.get(key) ?? 0) + change;
    if (count === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, count);
  }
}
