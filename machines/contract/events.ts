// Every event an actor can receive. Facts are `noun.pastParticiple`, wishes `noun.verbRequested`.
// The turn stamps each with `at`: store time in milliseconds. Charts have no other clock.
import type { Audience } from '../content/audience.ts';
import type { BatchPlace } from './batching.ts';
import type { FailureCode } from './failures.ts';
import type { JobParams } from './requests.ts';
import type { Modality, ModelOffer } from './models.ts';
import type { Checkout, PurchaseReport, SubscriptionReport } from './payments.ts';
import type { Output, RunOrder } from './worker-protocol.ts';

export type Plan = 'free' | 'starter' | 'pro';
export type Standing = 'good' | 'limited' | 'suspended';

/** Where an operator wants a waiting job: before all others, behind them, or where it came by its asking. */
export const LINE_PLACES = ['front', 'back', 'own'] as const;
export type LinePlace = (typeof LINE_PLACES)[number];

/**
 * "Why this, now?": the parts of a dispatcher's decision, kept in the journal with each job and so rounded. Times in
 * milliseconds, as `Why` of the policy explains them.
 */
export interface DispatchWhy {
  readonly score: number;
  readonly waitedMs: number;
  readonly lateMs: number;
  readonly servedMs: number;
  readonly runMs: number;
  readonly loadMs: number;
  readonly behind: number;
  readonly runnerUp: { readonly model: string; readonly score: number } | null;
  /** A sentence that a person reads. */
  readonly words: string;
}

/** What was asked, fixed at submit. Amounts in millitokens, times in milliseconds. */
export interface JobSpec {
  readonly id: string;
  readonly accountId: string;
  readonly modality: Modality;
  readonly model: string;
  readonly prompt: string;
  readonly params: JobParams;
  readonly inputs: readonly { readonly role: string; readonly blob: string }[];
  readonly count: number;
  /** The most it may cost: what is held. */
  readonly costMt: number;
  /** What a second of its run costs the person who stops it halfway. */
  readonly secondMt: number;
  /** Size of the work in standard outputs (1 = one 1024x1024 image); drives time limits and ETA. */
  readonly work: number;
  readonly timeLimitMs: number;
  readonly deadlineMs: number;
  readonly origin: string | null;
  /** Where a named style made the prompt and the params what they are: the person's own words. */
  readonly said?: { readonly style: string; readonly prompt: string };
  /** Who may be looking, where something depends on it. */
  readonly audience?: Audience;
  /** Tells a repeat of the same request from another request under the same key. */
  readonly bodyHash: string;
}

/** Names one attempt of one job on one boot of one worker: the fence for every result. */
export interface AttemptKey {
  readonly attempt: number;
  readonly worker: string;
  readonly epoch: string;
}

/** What a worker can do, as its `hello` said. */
export interface WorkerOffer {
  readonly name: string;
  readonly version: string;
  readonly gpu: { readonly name: string; readonly vramBytes: number } | null;
  readonly slots: number;
  readonly models: readonly ModelOffer[];
}

/** Why an account sets nothing aside for a job; the caller is told so. */
export type HoldRefusal =
  | { readonly code: 'suspended' }
  /** It has just become part of another account: whoever asks again speaks for that one. */
  | { readonly code: 'joined_elsewhere' }
  | { readonly code: 'too_many_jobs'; readonly jobsMax: number }
  | {
      readonly code: 'insufficient_tokens';
      readonly neededMt: number;
      readonly availableMt: number;
      /** What comes then. */
      readonly dailyMt: number;
      /** Milliseconds since 1970: the next grant. */
      readonly resetsAt: number;
    };

/** Why two accounts do not become one; the caller is told so. */
export interface JoinRefusal {
  readonly code: 'join_refused';
  readonly why: 'jobs_under_way' | 'not_in_good_standing' | 'has_a_plan' | 'is_joined';
}

export type JobEvent =
  | { type: 'job.submitRequested'; spec: JobSpec; impossible: string | null }
  /** By whom: the person pays for what a run has used, for Tessera nobody pays. */
  | { type: 'job.cancelRequested'; by?: 'person' | 'system' }
  | { type: 'job.moveRequested'; to: LinePlace }
  | {
      type: 'job.dispatched';
      worker: string;
      epoch: string;
      why?: DispatchWhy;
      /** It shares its engine call with others that are dispatched in the same commit. */
      batch?: BatchPlace;
    }
  /** With how long a run may be stopped for nothing, and its files are kept. */
  | { type: 'hold.granted'; plan: Plan; graceMs: number; filesKeptDays: number }
  | { type: 'hold.refused'; refusal: HoldRefusal }
  | ({ type: 'slot.refused' } & AttemptKey)
  | ({ type: 'slot.returned' } & AttemptKey)
  | ({ type: 'run.acknowledged' } & AttemptKey)
  | ({ type: 'run.started' } & AttemptKey)
  | ({
      type: 'run.finished';
      outputs: readonly Output[];
      runMs: number;
      /** Why nobody may see it; told to the person. */
      refused?: string;
    } & AttemptKey)
  | ({ type: 'run.failed'; code: FailureCode; message: string } & AttemptKey)
  | ({ type: 'run.adoptionOffered' } & AttemptKey)
  | ({ type: 'worker.lost' } & AttemptKey)
  | ({ type: 'worker.crashed' } & AttemptKey);

/** One attempt as the agent names it; the worker actor knows its own id and epoch. */
export interface AttemptName {
  readonly job: string;
  readonly attempt: number;
}

/** From the agent by way of its session, from jobs, or from an operator. */
export type WorkerEvent =
  | {
      type: 'worker.connected';
      epoch: string;
      /** The runtime that holds the socket. */
      runtime: string;
      /** Which connection of this boot it is. */
      connection?: number | undefined;
      offer: WorkerOffer;
      loaded: readonly string[];
      /** Models that it keeps in memory because it was told to; none where nothing is said. */
      pinned?: readonly string[] | undefined;
      attempts: readonly AttemptName[];
    }
  | { type: 'worker.disconnected'; epoch: string; runtime: string }
  | { type: 'worker.heartbeat'; epoch: string; runtime: string }
  | { type: 'worker.drainRequested' }
  | { type: 'worker.resumeRequested' }
  | { type: 'worker.quarantineRequested' }
  /** An operator wants the model kept in memory, or no longer. */
  | { type: 'model.pinRequested'; model: string }
  | { type: 'model.unpinRequested'; model: string }
  | { type: 'lease.expired' }
  /** The worker decides by the order and passes it on as it is. */
  | { type: 'slot.claimed'; accountId: string; epoch: string; order: RunOrder }
  | ({ type: 'slot.adopted' } & AttemptName)
  | ({ type: 'slot.cancelRequested' } & AttemptName)
  /** A tell came back: the actor it was meant for has ended. */
  | { type: 'tell.bounced'; from: string; event: string }
  | { type: 'model.loaded'; epoch: string; model: string; loadMs: number; vramBytes: number }
  | { type: 'model.loadFailed'; epoch: string; model: string; code: FailureCode; message: string }
  | { type: 'model.unloaded'; epoch: string; model: string }
  | ({
      type: 'run.finished';
      epoch: string;
      outputs: readonly Output[];
      runMs: number;
      refused?: string;
    } & AttemptName)
  | ({ type: 'run.failed'; epoch: string; code: FailureCode; message: string } & AttemptName)
  | ({ type: 'run.cancelled'; epoch: string } & AttemptName);

interface HoldClosing {
  readonly job: string;
  readonly reason: string;
  /** A run that was given up halfway by the person's doing: the brake counts them. */
  readonly isStopped?: boolean;
}

export type QuotaEvent =
  | { type: 'hold.requested'; job: string; amountMt: number; reason: string }
  | ({ type: 'hold.captureRequested'; amountMt: number } & HoldClosing)
  | ({ type: 'hold.releaseRequested' } & HoldClosing)
  | { type: 'plan.changed'; plan: Plan }
  /** Bought tokens, which do not expire. Told once for each payment, in the commit that notes it. */
  | { type: 'topUp.credited'; amountMt: number; reason: string }
  /** Such a payment went back: what is left of it goes, too. */
  | {
      type: 'topUp.withdrawn';
      amountMt: number;
      reason: string;
      /** Whose subscription wants to know how much was left of what. */
      asked?: { readonly by: string; readonly purchase: string };
    }
  | { type: 'standing.changed'; standing: Standing }
  /** One person has this account and the other: from now on it is part of that one. */
  | { type: 'account.joinRequested'; into: string }
  /** To the account that stays: the other one's bought tokens come with it. */
  | { type: 'account.joined'; account: string; amountMt: number }
  /** It is an account of its own again. What it brought is asked back from the holder, unless that is null. */
  | { type: 'account.partRequested'; holder: string | null }
  /** A new account of somebody who was part of another today: the day was granted there. */
  | { type: 'account.openedApart' }
  | { type: 'topUp.returnRequested'; to: string; amountMt: number }
  | { type: 'topUp.returned'; amountMt: number };

export type SubscriptionEvent =
  | { type: 'checkout.opened'; checkout: Checkout }
  | { type: 'subscription.reported'; report: SubscriptionReport }
  | { type: 'purchase.reported'; report: PurchaseReport }
  /** The quota's answer: so much of it was left to take back. */
  | { type: 'topUp.takenBack'; purchase: string; amountMt: number };

/** A due timer. Which event it stands for is known to the actor that armed it. */
export interface TimerEvent {
  readonly type: 'timer.fired';
}

/** Means nothing to any chart: a turn for an actor that is to be stored as a newer version has it. */
export interface UpcastEvent {
  readonly type: 'actor.upcastRequested';
}

export type ActorEvent =
  JobEvent | WorkerEvent | QuotaEvent | SubscriptionEvent | TimerEvent | UpcastEvent;

/** An event as a chart receives it. */
export type Stamped<E> = E & { readonly at: number };
