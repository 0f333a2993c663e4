// People and bots: they send wishes with idempotency keys over a network that loses requests and answers,
// ask again when they are not answered, repeat themselves, and cancel. What they were told is history.
import type { ActorEvent } from '../../machines/contract/events.ts';
import { jobRef, quotaRef, type ActorRef } from '../../machines/contract/ids.ts';
import type { JobRequest } from '../../machines/contract/requests.ts';
import type { JobContext } from '../../machines/job/context.ts';
import { isSettled } from '../../runtime/actor.ts';
import { readConfig } from '../../runtime/config.ts';
import type { Host } from '../../runtime/host.ts';
import type { Outcome } from '../../runtime/mailbox.ts';
import { Refused } from '../../runtime/refusals.ts';
import { DEFAULT_PLANS } from '../../machines/contract/plans.ts';
import { HOUSE } from '../../runtime/content/policy-file.ts';
import { ContentPolicy } from '../../runtime/content/policy.ts';
import { FOR_EVERYBODY } from '../../runtime/model-rules.ts';
import { houseStyles } from '../../runtime/styles/styles.ts';
import { submitJob } from '../../runtime/submit.ts';
import { contextOf } from '../../runtime/views.ts';
import type { Random } from './random.ts';
import type { RuntimeProcess } from './runtime-process.ts';
import type { World } from './world.ts';

const STRIKES = { whyNot: () => Promise.resolve(null) };
const PICTURES = { whyNotUsed: () => Promise.resolve(null) };
const CONTENT = new ContentPolicy({ current: () => Promise.resolve(HOUSE) });
const CONFIG = readConfig({});
const ANSWER_WITHIN_MS = 10_000;
const TRIES_MAX = 12;

/** `null`: no answer came, and nobody knows whether it was carried out. */
export type Answer<T> = { readonly value: T } | { readonly error: Error } | null;

/**
 * One request to some runtime. The answer may get lost, and so may the request.
 * @param carriedOut told at the runtime, the moment the answer leaves it
 */
export function request<T>(
  world: World,
  random: Random,
  what: string,
  carryOut: (runtime: RuntimeProcess) => Promise<T>,
  answered: (answer: Answer<T>) => void,
  carriedOut: (value: T) => void = () => undefined,
): void {
  const { scheduler } = world;
  let isOver = false;
  const over = (answer: Answer<T>): void => {
    if (isOver) return;
    isOver = true;
    answered(answer);
  };
  const runtime = random.pick(world.runtimes);
  const { owner, core } = runtime;
  if (!core || !runtime.isServing)
    return scheduler.after(random.between(1, 5), null, 'refused', () =>
      over({ error: new Error('There is nobody.') }),
    );
  scheduler.after(ANSWER_WITHIN_MS, null, 'gives up waiting', () => over(null));
  if (world.befalls('requestLost', random, 'people')) return;
  scheduler.after(random.logarithmic(0.5, 60), owner, what, () => {
    const answer = (result: Answer<T>): void => {
      if (world.befalls('answerLost', random, 'people')) return;
      scheduler.after(random.logarithmic(0.5, 60), null, 'answer', () => over(result));
    };
    carryOut(runtime).then(
      (value) => {
        carriedOut(value);
        answer({ value });
      },
      (error: Error) => {
        if (error instanceof TypeError)
          world.violate('I0 no programmer error', `${what}: ${error.stack}`);
        answer({ error });
      },
    );
  });
}

/** Asked again until it is answered, as a frontend does. */
export function insist<T>(
  world: World,
  random: Random,
  what: string,
  carryOut: (runtime: RuntimeProcess) => Promise<T>,
  answered: (answer: Answer<T>) => void,
  carriedOut: (value: T) => void = () => undefined,
): void {
  let tries = 0;
  world.pending += 1;
  const once = (): void =>
    request(
      world,
      random,
      what,
      carryOut,
      (answer) => {
        tries += 1;
        const isFinal = answer !== null && ('value' in answer || answer.error instanceof Refused);
        if (isFinal || tries >= TRIES_MAX) {
          world.pending -= 1;
          return answered(answer);
        }
        if (answer === null) world.seen('A client is not answered and asks again.');
        else if (answer.error.name === 'Overloaded') world.seen('A client is told to come back.');
        const pauseMs = random.between(100, world.isHealing ? 1_000 : 6_000);
        world.scheduler.after(pauseMs, null, 'asks again', once);
      },
      carriedOut,
    );
  once();
}

/** Posts an event with a name of its own, which the journal keeps: it may act once. */
export function post(
  world: World,
  random: Random,
  to: ActorRef,
  event: ActorEvent,
  answered: (answer: Answer<Outcome>) => void = () => undefined,
  carriedOut: (outcome: Outcome) => void = () => undefined,
): void {
  const name = `${event.type} ${random.letters(8)}`;
  const named: ActorEvent = Object.assign({}, event, { sent: name });
  request(
    world,
    random,
    event.type,
    ({ core }) => {
      world.history.sent(name);
      return core!.turns.post(to, named);
    },
    answered,
    (outcome) => {
      if (outcome.ok && outcome.changed) world.history.toldApplied(name);
      carriedOut(outcome);
    },
  );
}

export class Person {
  readonly #world: World;
  readonly #random: Random;
  readonly accountId: string;
  readonly #keys: { key: string; request: JobRequest }[] = [];

  constructor(world: World, accountId: string, random: Random) {
    this.#world = world;
    this.#random = random;
    this.accountId = accountId;
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  wish(): void {
    const random = this.#random;
    const world = this.#world;
    const old = this.#keys.length > 0 ? random.pick(this.#keys) : null;
    if (old && world.befalls('keyReused', random, this.accountId)) {
      world.seen('A key is used again for another wish.');
      return this.#submit(old.key, { ...old.request, prompt: `${old.request.prompt}!` });
    }
    const key = `key-${this.#keys.length}-${random.letters(6)}`;
    const wish = { key, request: this.#newRequest() };
    this.#keys.push(wish);
    this.#submit(key, wish.request);
    if (!world.befalls('requestRepeated', random, this.accountId)) return;
    // A double click, or a platform that delivers its update again, now or much later.
    const laterMs = random.logarithmic(0.1, 60_000);
    world.scheduler.after(laterMs, null, 'repeats', () => this.#submit(key, wish.request));
  }

  #newRequest(): JobRequest {
    const random = this.#random;
    const world = this.#world;
    const side = random.pick([256, 512, 512, 1024, 1024, 2048]);
    const isPoisonous = world.befalls('poisonous', random, this.accountId);
    const isImpossible = world.befalls('impossible', random, this.accountId);
    const isHasty = world.befalls('shortDeadline', random, this.accountId);
    return {
      modality: 'image',
      model: isImpossible ? 'nobody-has-it' : random.pick(world.models),
      prompt: `${isPoisonous ? 'poison' : 'a lighthouse'} ${random.letters(4)}`,
      params: { width: side, height: side, seed: 1 },
      inputs: [],
      count: random.chance(0.1) ? 2 : 1,
      dry_run: false,
      deadline_s: isHasty ? random.integer(5, 30) : random.integer(60, 3600),
    };
  }

  #submit(key: string, wish: JobRequest): void {
    const { accountId } = this;
    const world = this.#world;
    insist(
      world,
      this.#random,
      'submit',
      ({ core, clock, owner }) => {
        const { turns, dispatcher } = core!;
        const ids = world.idsOf(owner);
        const [modelRules, plans] = [FOR_EVERYBODY, DEFAULT_PLANS];
        const host = {
          ...{ turns, dispatcher, clock: clock!, ids, modelRules, plans, content: CONTENT },
          pictures: PICTURES,
          strikes: STRIKES,
          ...{ store: world.memory, config: CONFIG, times: core!.times, styles: houseStyles },
        } as unknown as Host;
        return submitJob(host, {
          accountId,
          principal: accountId,
          role: 'user',
          request: wish,
          idempotencyKey: key,
        });
      },
      (answer) => this.#answered(key, answer),
      ({ actor }) => {
        const { bodyHash } = contextOf<JobContext>(actor).spec;
        world.history.acknowledged(accountId, key, actor.ref, bodyHash);
      },
    );
  }

  #answered(key: string, answer: Answer<Awaited<ReturnType<typeof submitJob>>>): void {
    const world = this.#world;
    const random = this.#random;
    if (answer === null || 'error' in answer) {
      const code = answer?.error instanceof Refused ? answer.error.code : answer?.error.name;
      world.tell(this.accountId, () => `${key}: ${code ?? 'never answered'}`);
      if (code === 'insufficient_tokens') world.seen('A wish is refused for want of tokens.');
      if (code === 'impossible') world.seen('A wish is refused as impossible.');
      if (code === 'suspended') world.seen('A wish of a suspended account is refused.');
      if (code === 'idempotency_conflict') world.seen('Another wish under a used key is refused.');
      return;
    }
    const { actor, created } = answer.value;
    const { id } = actor.ref;
    world.tell(this.accountId, () => `${key}: has ${id}${created ? '' : ' already'}`);
    if (!created) world.seen('A repeated wish is answered with the job there is.');
    const soon = world.befalls('cancelled', random, this.accountId);
    const late = !soon && world.befalls('cancelledLate', random, this.accountId);
    if (!soon && !late) return;
    const laterMs = soon ? random.logarithmic(0.1, 300) : random.logarithmic(300, 20_000);
    world.scheduler.after(laterMs, null, 'cancels', () => this.cancel(id));
  }

  cancel(id: string): void {
    this.#world.tell(this.accountId, () => `cancels ${id}`);
    const event = { type: 'job.cancelRequested' } as const;
    const ref = jobRef(this.accountId, id);
    const carriedOut = (outcome: Outcome): void =>
      this.#world.check(
        'I4 one ending',
        !outcome.ok || outcome.actor === null || isSettled(outcome.actor),
        () => `${id} was cancelled, and goes on.`,
      );
    post(this.#world, this.#random, ref, event, undefined, carriedOut);
  }

  changePlan(plan: 'free' | 'starter' | 'pro'): void {
    this.#world.tell(this.accountId, () => `is on the plan ${plan}`);
    this.#change({ type: 'plan.changed', plan });
  }

  changeStanding(standing: 'good' | 'limited' | 'suspended'): void {
    this.#world.tell(this.accountId, () => `is ${standing}`);
    this.#change({ type: 'standing.changed', standing });
  }

  /** A payment source says it again until somebody has taken it; sometimes once more for good measure. */
  #change(event: ActorEvent): void {
    let tries = 0;
    const once = (): void =>
      post(this.#world, this.#random, quotaRef(this.accountId), event, (answer) => {
        tries += 1;
        if (answer !== null && 'value' in answer) return;
        if (tries < TRIES_MAX) this.#world.scheduler.after(2_000, null, 'says it again', once);
      });
    once();
    if (this.#random.chance(0.2)) once();
  }
}
