// An actor and its turns as whoever looks is shown them: everything to an operator; to a person their own jobs,
// without what is the house's: which machine it was, which boot of it, and what engines say of themselves.
import { listParked, listTimers } from '../../db/queries/journal.ts';
import type { ActorView, JournalView } from '../../machines/contract/admin-views.ts';
import { SYSTEM_ACCOUNT, type ActorRef } from '../../machines/contract/ids.ts';
import type { Host } from '../host.ts';
import { refuse } from '../http/problems.ts';
import { linksOf } from './links.ts';

const PARKED_MAX = 100;

const iso = (at: number) => new Date(at).toISOString();
const parse = (text: string) => JSON.parse(text) as Record<string, unknown>;

/** @throws Refused when there is none */
export async function actorAt({ pool, inspector }: Host, wanted: ActorRef): Promise<ActorView> {
  const row = await inspector.history.find(wanted);
  if (!row) throw refuse('not_found', 'There is no such actor.');
  const { ref, snapshot, createdAt, updatedAt, ...rest } = row;
  const [timers, parked] = await Promise.all([
    listTimers(pool, ref),
    row.parked ? listParked(pool, ref, PARKED_MAX) : [],
  ]);
  const { value, context, status } = parse(snapshot) as Pick<
    ActorView,
    'value' | 'context' | 'status'
  >;
  return {
    object: 'actor' as const,
    account: ref.accountId,
    kind: ref.kind,
    id: ref.id,
    chart: `${row.machine}@${row.version}`,
    ...rest,
    ...{ value, context, status },
    tags: [...row.tags],
    timers: timers.map(({ name, armingId, dueAt }) => ({
      ...{ name, revision: armingId, due_at: iso(dueAt) },
    })),
    parked_events: parked.map(({ id, event, reason, at }) => ({
      ...{ id, event: parse(event), reason, at: iso(at) },
    })),
    links: linksOf(ref, context).map(({ why, to }) => ({
      ...{ why, account: to.accountId, kind: to.kind, id: to.id },
    })),
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
  };
}

/** Its turns after a revision, oldest first. @throws Refused when there is no such actor */
export async function turnsOf(
  { inspector }: Host,
  ref: ActorRef,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<JournalView> {
  const [row, turns] = await Promise.all([
    inspector.history.find(ref),
    inspector.history.rows(ref, after, limit + 1),
  ]);
  if (!row) throw refuse('not_found', 'There is no such actor.');
  const page = turns.slice(0, limit);
  return {
    object: 'list' as const,
    data: page.map(({ revision, at, event, from, to, patch, effects, batchId }) => ({
      ...{ revision, at: iso(at), event: parse(event), from: from === '-' ? null : from, to },
      ...{ patch: parse(patch), effects: parse(effects), batch: batchId },
    })),
    next_after: turns.length > limit ? page.at(-1)!.revision : null,
  };
}

/** Names of workers and their boots, digests of requests, what engines say when they fail. */
const OF_THE_HOUSE = new Set(['worker', 'epoch', 'bodyHash', 'message', 'failedOn', 'tookDown']);
const HIDDEN = '…';

/** A worker in the keys of those that were told something. */
const WORKER_KEY = new RegExp(`^${SYSTEM_ACCOUNT}/worker/`);

function without(value: unknown): unknown {
  if (typeof value === 'string')
    return WORKER_KEY.test(value) ? value.replace(/[^/]+$/, HIDDEN) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(without);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      each !== null && OF_THE_HOUSE.has(key) ? HIDDEN : without(each),
    ]),
  );
}

const shown = <Of>(value: Of): Of => without(value) as Of;

/** A person's own job: they are also not told of the events that an operator has to see to. */
export const actorForOwner = (actor: ActorView): ActorView => ({
  ...actor,
  context: shown(actor.context),
  parked_events: [],
  links: actor.links.filter(({ account }) => account === actor.account),
});

export const turnsForOwner = (journal: JournalView): JournalView => ({
  ...journal,
  data: journal.data.map((turn) => ({
    ...turn,
    event: shown(turn.event),
    patch: shown(turn.patch),
    effects: shown(turn.effects),
  })),
});
