// The turns computed so far and not yet committed, as components, and their way into rows. A batch may be
// computed while the one before it is being committed: then it reads what that one will have written.
import type { CommitBatch } from '../db/store.ts';
import { refKey } from '../machines/contract/ids.ts';
import { persist, stateName, tagsOf, type Actor } from './actor.ts';
import type { Component, Row, Turned } from './component.ts';
import type { Mail } from './mailbox.ts';
import { publicChange } from './views.ts';

export class Batch {
  readonly components = new Set<Component>();
  /** Events taken in so far. */
  size = 0;
  readonly #byActor = new Map<string, Component>();
  /** Under way to the store. Dropped once it is there. */
  #previous: Batch | null;
  #news: Actor[] = [];

  constructor(previous: Batch | null) {
    this.#previous = previous;
  }

  /** The actor after the turns of this batch and the one before it; null if they did not change it. */
  get(key: string): Actor | null {
    return this.#byActor.get(key)?.turned.get(key)?.after ?? this.#previous?.get(key) ?? null;
  }

  get mails(): Mail[] {
    return [...this.components].flatMap(({ mails }) => mails);
  }

  /** Those that were not taken in. */
  without(mails: readonly Mail[]): Mail[] {
    const own = new Set(this.mails);
    return mails.filter((mail) => !own.has(mail));
  }

  previousIsCommitted(): void {
    this.#previous = null;
  }

  /** Joins the component with those it depends on. */
  add(component: Component): void {
    this.size += component.mails.length;
    for (const { after } of component.turned.values()) this.#news.push(after);
    const earlier = new Set<Component>();
    for (const key of component.reads.keys()) {
      const found = this.#byActor.get(key);
      if (found) earlier.add(found);
    }
    const joined = this.#join([...earlier]);
    if (joined) joined.absorb(component);
    else this.components.add(component);
    this.#noteActors(component, joined ?? component);
  }

  #noteActors({ turned, parked }: Component, owner: Component): void {
    for (const key of turned.keys()) this.#byActor.set(key, owner);
    // Two events may both be too much for one actor: it is parked once, with both.
    for (const { ref } of parked) this.#byActor.set(refKey(ref), owner);
  }

  /** Earlier components share no actor, so their order is free: the smaller join the largest. */
  #join(earlier: readonly Component[]): Component | null {
    let [largest] = earlier;
    if (!largest) return null;
    for (const each of earlier) if (each.turned.size > largest.turned.size) largest = each;
    for (const each of earlier) {
      if (each === largest) continue;
      largest.absorb(each);
      this.components.delete(each);
      this.#noteActors(each, largest);
    }
    return largest;
  }

  /** The actors turned since this was last asked. */
  takeNews(): Actor[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }
}

/** The rows of all components, each marked with its component's index. */
export function rowsOf(components: readonly Component[], batchId: string): CommitBatch {
  const rows = {
    ...{ batchId, components: components.length },
    actors: [] as CommitBatch['actors'][number][],
    reads: [] as CommitBatch['reads'][number][],
    journal: [] as CommitBatch['journal'][number][],
    timersArmed: [] as CommitBatch['timersArmed'][number][],
    timersCancelled: [] as CommitBatch['timersCancelled'][number][],
    ledger: [] as CommitBatch['ledger'][number][],
    outbox: [] as CommitBatch['outbox'][number][],
    stream: [] as CommitBatch['stream'][number][],
    parked: [] as CommitBatch['parked'][number][],
    fences: [] as CommitBatch['fences'][number][],
  };
  for (const [component, each] of components.entries()) {
    const mark = <T>(into: T[], own: readonly (T & Row<unknown>)[]) => {
      for (const row of own) {
        row.component = component;
        into.push(row);
      }
    };
    mark(rows.journal, each.journal);
    mark(rows.ledger, each.ledger);
    mark(rows.outbox, each.outbox);
    mark(rows.parked, each.parked);
    for (const { ref, name, armed } of each.timers.values())
      if (armed) rows.timersArmed.push({ component, ref, name, ...armed });
      else rows.timersCancelled.push({ component, ref, name });
    for (const [key, turned] of each.turned) {
      const oldest = each.reads.get(key)?.revision ?? Infinity;
      rows.actors.push(actorRow(component, turned, oldest));
      const isJob = turned.after.ref.kind === 'job';
      const change = isJob ? publicChange(turned.before, turned.after) : null;
      if (change !== null) rows.stream.push(streamRow(component, turned.after, change));
    }
    for (const [key, { ref, revision, rests }] of each.reads)
      if (!each.turned.has(key) && !rests) rows.reads.push({ component, ref, revision });
    const fence = each.mails.find((mail) => mail.fence)?.fence; // there is one lease that fences
    if (fence) rows.fences.push({ component, ...fence });
  }
  return rows;
}

/** @param oldest the oldest revision that anything in the component was computed on */
const actorRow = (component: number, { before, after }: Turned, oldest: number) => ({
  component,
  ref: after.ref,
  machine: after.chart.machine.id,
  version: after.chart.version,
  expected: Math.min(before?.revision ?? 0, oldest),
  revision: after.revision,
  state: stateName(after.snapshot.value),
  tags: tagsOf(after),
  snapshot: persist(after),
});

/** A job whose public face changed tells its owner; several changes in one commit are told once. */
const streamRow = (component: number, { ref, revision }: Actor, change: object) => ({
  component,
  accountId: ref.accountId,
  jobId: ref.id,
  revision,
  payload: JSON.stringify(change),
});
