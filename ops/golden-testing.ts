// Golden snapshots: every state that an actor can rest in, as each version of its chart stored it, checked in
// under machines/<kind>/golden/. `golden.test.ts` restores them all with today's code.
//
//   node ops/golden-testing.ts             writes those of the current versions anew
//   node ops/golden-testing.ts --release   the same, and from then on they are never written again
//
// A test module by its name, for it lives on the charts' own test equipment.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import type { AnyStateMachine } from 'xstate';
import type { StoredActor } from '../db/store.ts';
import type { ActorEvent, Stamped } from '../machines/contract/events.ts';
import {
  jobRef,
  quotaRef,
  subscriptionRef,
  workerRef,
  type ActorKind,
  type ActorRef,
} from '../machines/contract/ids.ts';
import * as job from '../machines/job/testing.ts';
import { DEFAULT_PLANS } from '../machines/contract/plans.ts';
import * as subscription from '../machines/subscription/testing.ts';
import * as worker from '../machines/worker/testing.ts';
import { bear, persist, stateName, tagsOf, type Actor } from '../runtime/actor.ts';
import { plan } from '../runtime/plan.ts';
import { step } from '../runtime/step.ts';
import { REGISTRY, type Chart } from '../runtime/versions.ts';
import packageJson from '../package.json' with { type: 'json' };

type Event = Stamped<ActorEvent>;

export interface Golden {
  readonly machine: string;
  readonly version: number;
  /** The release that first carried it; null while nobody can have stored such a snapshot. */
  readonly released: string | null;
  /** Of the chart's states, transitions and delays. */
  readonly digest: string;
  readonly states: readonly GoldenState[];
}

export interface GoldenState {
  readonly row: Omit<StoredActor, 'snapshot' | 'parked' | 'createdAt' | 'updatedAt'> & {
    /** Parsed, so that a change can be read. */
    readonly snapshot: Readonly<Record<string, unknown>>;
  };
  /** Of the timers: after how many milliseconds each was armed to go off. */
  readonly delays: Readonly<Record<string, number>>;
  /** A legal event, and where it leads; null for an ended actor. */
  readonly next: { readonly event: Event; readonly state: string } | null;
}

// --- how each state is reached ----------------------------------------------------------------------------

interface Sample {
  readonly ref: ActorRef;
  readonly birth: Event;
  readonly ways: readonly (readonly object[])[];
  /** Tried in this order, until one is legal. */
  readonly events: readonly object[];
}

const NOON = Date.UTC(2026, 0, 1, 12);
const quotaEvent = (event: object) => ({ ...event, at: NOON });

/** Something to spend or nothing, in every standing, on every plan; always with a hold open. */
const quotaWays = (['free', 'starter', 'pro'] as const).flatMap((plan) =>
  ['good', 'limited', 'suspended'].flatMap((standing) =>
    [1000, DEFAULT_PLANS.plans[plan].dailyTokens * 1000].map((amountMt) =>
      [
        { type: 'plan.changed', plan },
        { type: 'hold.requested', job: 'job_1', amountMt, reason: 'Held for image' },
        ...(standing === 'good' ? [] : [{ type: 'standing.changed', standing }]),
      ].map(quotaEvent),
    ),
  ),
);

const SAMPLES: Readonly<Record<ActorKind, Sample>> = {
  job: {
    ref: jobRef(job.spec.accountId, job.spec.id),
    birth: job.EVENTS['job.submitRequested'] as Event,
    ways: Object.values(job.WAYS),
    events: Object.values(job.EVENTS),
  },
  worker: {
    ref: workerRef('w1'),
    birth: worker.EVENTS['worker.connected'] as Event,
    ways: Object.values(worker.WAYS),
    events: Object.values(worker.EVENTS),
  },
  quota: {
    ref: quotaRef('acc_1'),
    birth: quotaEvent({ type: 'plan.changed', plan: 'free' }) as Event,
    ways: quotaWays,
    events: [
      { type: 'hold.releaseRequested', job: 'job_1', reason: 'Returned: you cancelled the job' },
    ].map(quotaEvent),
  },
  subscription: {
    ref: subscriptionRef('acc_1'),
    birth: subscription.sub(),
    ways: Object.values(subscription.WAYS),
    events: [subscription.sub({ at: subscription.day(40), paidUntil: subscription.day(70) })],
  },
};

// --- the runtime's own step, for one actor ----------------------------------------------------------------

interface Stepped {
  readonly actor: Actor;
  readonly delays: Readonly<Record<string, number>>;
}

/** Null when the event is ignored, or turned down. */
export function turn({ actor, delays }: Stepped, event: Event): Stepped | null {
  const [snapshot, actions] = step(actor.chart.machine, actor.snapshot, event);
  if (snapshot === actor.snapshot && actions.length === 0 && !actor.owed) return null;
  const revision = actor.revision + 1;
  const planned = plan([...(actor.owed ?? []), ...actions], actor.timers, revision);
  if (planned.refusal) return null;
  const { timers } = planned;
  const armed = Object.fromEntries(planned.armed.map(({ name, delayMs }) => [name, delayMs]));
  const known: Record<string, number> = { ...delays, ...armed };
  return {
    actor: { ...actor, snapshot, revision, timers, owed: null },
    delays: Object.fromEntries(Object.keys(timers).map((name) => [name, known[name]!])),
  };
}

function walk({ ref, birth }: Sample, way: readonly object[]): Stepped {
  const born = bear(ref, birth)!;
  const first = plan(born.owed ?? [], {}, 1);
  let now: Stepped = {
    actor: { ...born, revision: 1, timers: first.timers, owed: null },
    delays: Object.fromEntries(first.armed.map(({ name, delayMs }) => [name, delayMs])),
  };
  for (const event of way) {
    const next = turn(now, event as Event);
    if (!next) throw new Error(`A way to a state is not legal at ${JSON.stringify(event)}.`);
    now = next;
  }
  return now;
}

/** Legal: it is not ignored, and it does not throw. */
function nextOf(from: Stepped, events: readonly object[]): GoldenState['next'] {
  if (from.actor.snapshot.status === 'done') return null;
  for (const event of events as readonly Event[])
    try {
      const after = turn(from, event);
      if (after) return { event, state: stateName(after.actor.snapshot.value) };
    } catch {
      continue;
    }
  throw new Error(`Nothing can happen to ${JSON.stringify(from.actor.snapshot.value)}.`);
}

// --- the files --------------------------------------------------------------------------------------------

/** Everything of a chart that a stored snapshot depends on; what its functions do is for its own tests. */
function digestOf({ config, implementations }: AnyStateMachine): string {
  const text = JSON.stringify([config, implementations.delays], (_, value: unknown) =>
    typeof value === 'function'
      ? { named: value.name, of: (value as { guards?: unknown }).guards }
      : value,
  );
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

export function goldenOf(kind: ActorKind, released: string | null): Golden {
  const { machine, version }: Chart = REGISTRY[kind].current;
  const sample = SAMPLES[kind];
  const states = sample.ways.map((way): GoldenState => {
    const rests = walk(sample, way);
    const { ref, revision, snapshot } = rests.actor;
    return {
      row: {
        ...{ ref, machine: machine.id, version, revision, state: stateName(snapshot.value) },
        tags: tagsOf(rests.actor),
        snapshot: JSON.parse(persist(rests.actor)) as Record<string, unknown>,
      },
      delays: rests.delays,
      next: nextOf(rests, sample.events),
    };
  });
  return { machine: machine.id, version, released, digest: digestOf(machine), states };
}

export const KINDS = Object.keys(SAMPLES) as ActorKind[];

const folderOf = (kind: ActorKind): string =>
  fileURLToPath(new URL(`../machines/${kind}/golden`, import.meta.url));

const fileOf = (kind: ActorKind): string =>
  join(folderOf(kind), `v${REGISTRY[kind].current.version}.json`);

const read = (path: string): Golden => JSON.parse(readFileSync(path, 'utf8')) as Golden;

/** All versions of a kind, oldest first. */
export const readGolden = (kind: ActorKind): Golden[] =>
  existsSync(folderOf(kind))
    ? readdirSync(folderOf(kind))
        .map((name) => read(join(folderOf(kind), name)))
        .sort((a, b) => a.version - b.version)
    : [];

/** A sentence for each kind whose chart is not the one that its golden snapshots were made by. */
export function complaintsAbout(kind: ActorKind, golden: readonly Golden[]): string[] {
  const { machine, version } = REGISTRY[kind].current;
  const name = `${machine.id}@${version}`;
  const known = golden.find((each) => each.version === version);
  if (!known) return [`${name} has no golden snapshots: run \`node ops/golden-testing.ts\`.`];
  const now = goldenOf(kind, known.released);
  if (JSON.stringify(now) === JSON.stringify(known)) return [];
  const what = now.digest === known.digest ? 'what it stores' : 'its states or transitions';
  if (known.released === null)
    return [
      `${name} has changed (${what}). It was never released: run \`node ops/golden-testing.ts\`.`,
    ];
  return [
    `${name} has changed (${what}), and release ${known.released} has stored such snapshots. Raise its ` +
      'version in runtime/versions.ts; ' +
      (kind === 'job'
        ? `keep the old chart as machines/job/versions/v${version}.ts under \`pinned\`, and add an upcast ` +
          'for ended jobs; '
        : `add the upcast ${version} -> ${version + 1}; `) +
      'then run `node ops/golden-testing.ts`.',
  ];
}

async function write(kind: ActorKind, isRelease: boolean): Promise<string> {
  const path = fileOf(kind);
  const known = existsSync(path) ? read(path) : null;
  if (known?.released) {
    const [complaint] = complaintsAbout(kind, [known]);
    if (complaint !== undefined) throw new Error(complaint);
    return `${kind}@${known.version} was released with ${known.released} and stays as it is.`;
  }
  const golden = goldenOf(kind, isRelease ? packageJson.version : null);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, await format(JSON.stringify(golden), { parser: 'json', printWidth: 100 }));
  return `${kind}@${golden.version}: ${golden.states.length} states.`;
}

if (import.meta.main)
  for (const kind of KINDS) console.log(await write(kind, process.argv.includes('--release')));
