// One inspector's connection: what it asks for, and how it ends.
import { StoreUnavailable, UnknownOutcome, type StoredActor } from '../../db/store.ts';
import type { ActorRef } from '../../machines/contract/ids.ts';
import type { Component } from '../component.ts';
import { notValid } from '../http/bodies.ts';
import { problemOf, refuse } from '../http/problems.ts';
import { CLOSE } from '../http/sockets.ts';
import type { StreamSocket } from '../http/stream-session.ts';
import type { Refused } from '../refusals.ts';
import { Follower } from './follower.ts';
import type { History } from './history.ts';
import { inspectFrame, refOf, wants, type Wish } from './subscription.ts';

/** A reader that is this far behind is sent away: it comes back and goes on from the last turn it has. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

export interface SessionSeams {
  readonly history: History;
  readonly requestId: string;
  readonly failed: (error: unknown) => void;
}

export class InspectorSession {
  readonly #seams: SessionSeams;
  readonly #socket: StreamSocket;
  readonly #follower: Follower;
  #wish: Wish | null = null;
  #wants: (ref: ActorRef) => boolean = () => false;
  #isClosed = false;

  constructor(seams: SessionSeams, socket: StreamSocket) {
    this.#seams = seams;
    this.#socket = socket;
    const { history } = seams;
    this.#follower = new Follower({ history, send: this.#send, failed: this.#giveUp });
  }

  receive(text: string): void {
    const parsed = inspectFrame.safeParse(parseJson(text));
    if (!parsed.success)
      return this.#refuse(notValid('A frame is not what the inspector accepts.', parsed.error));
    if (this.#wish)
      return this.#refuse(refuse('invalid_request', 'This connection has subscribed already.'));
    this.#wish = parsed.data.subscribe;
    void this.#subscribe(this.#wish).catch(this.#giveUp);
  }

  async #subscribe(wish: Wish): Promise<void> {
    const ref = refOf(wish);
    if (!ref) {
      void this.#send({ type: 'subscribed', ...wish });
      this.#wants = wants(wish);
      return;
    }
    const actor = await this.#seams.history.find(ref);
    if (this.#isClosed) return;
    if (!actor) return this.#refuse(refuse('not_found', 'There is no such actor.'));
    const after = Math.min(wish.after ?? actor.revision, actor.revision);
    void this.#send({ type: 'subscribed', ...wish, after });
    this.#wants = wants(wish);
    await this.#follower.begin(actor, after);
  }

  /** This runtime has just committed it. */
  committed(component: Component): void {
    for (const turned of component.turned.values())
      if (this.#wants(turned.after.ref)) this.#follower.committed(turned, component);
  }

  /** The actor as it is stored now. @param isNew when it was born since we last looked */
  stored(actor: StoredActor, isNew: boolean): void {
    if (this.#wants(actor.ref)) this.#follower.stored(actor, isNew);
  }

  /** Null when it is about many. */
  get one(): ActorRef | null {
    return this.#wish && refOf(this.#wish);
  }

  get isOfMany(): boolean {
    return this.#wish !== null && this.one === null;
  }

  closed(): void {
    this.#isClosed = true;
    this.#wants = () => false;
    this.#follower.stop();
  }

  #refuse(refused: Refused): void {
    void this.#send({ type: 'error', problem: problemOf(refused, this.#seams.requestId) });
    this.#close(CLOSE.policyViolation, refused.detail);
  }

  readonly #giveUp = (error: unknown): void => {
    if (this.#isClosed) return;
    const isPassing = error instanceof StoreUnavailable || error instanceof UnknownOutcome;
    if (!isPassing) this.#seams.failed(error);
    this.#close(CLOSE.tryAgainLater, 'Try again in a moment.');
  };

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.closed();
    this.#socket.close(code, reason);
  }

  readonly #send = (frame: object): Promise<void> => {
    if (this.#socket.bufferedAmount > BUFFERED_BYTES_MAX)
      this.#close(CLOSE.tryAgainLater, 'You read too slowly. Go on from the last turn you have.');
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.send(JSON.stringify(frame), () => resolve()));
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
