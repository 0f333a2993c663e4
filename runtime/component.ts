// What a batch is about to write. A component holds everything of the actors that told each other
// something: it is committed whole or not at all. Nothing here decides; turn.ts does.
import type {
  CommitBatch,
  JournalWrite,
  LedgerWrite,
  OutboxWrite,
  ParkedWrite,
} from '../db/store.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { SYSTEM_ACCOUNT, refKey, type ActorRef } from '../machines/contract/ids.ts';
import type { Effects, Refusal } from '../machines/effect.ts';
import { persist, stateName, tagsOf, type Actor } from './actor.ts';
import type { Mail } from './mailbox.ts';
import type { Plan } from './plan.ts';
import { publicChange } from './views.ts';

type Row<T> = Omit<T, 'component'>;

export interface Turned {
  /** As committed before this batch; null for a new actor. */
  readonly before: Actor | null;
  readonly after: Actor;
}

export class Component {
  readonly mails: Mail[];
  /** Actors that were read or changed. */
  readonly touched = new Set<string>();
  readonly turned = new Map<string, Turned>();
  readonly journal: Row<JournalWrite>[] = [];
  readonly ledger: Row<LedgerWrite>[] = [];
  readonly outbox: Row<OutboxWrite>[] = [];
  readonly parked: Row<ParkedWrite>[] = [];
  readonly settles: {
    readonly worker: ActorRef;
    readonly revision: number;
    readonly attempt: Effects['worker.settle'];
  }[] = [];
  /** By actor and name, the last word: armed anew, or cancelled (null). */
  readonly timers = new Map<
    string,
    { ref: ActorRef; name: string; armed: { armingId: number; delayMs: number } | null }
  >();

  constructor(mail: Mail) {
    this.mails = [mail];
  }

  /** The caller is turned down: of all that was computed, only what was read still matters. */
  static refused(mail: Mail, computed: Component, refusal: Refusal): Component {
    const component = new Component(mail);
    for (const key of computed.touched) component.touched.add(key);
    mail.outcome = { ok: false, refusal };
    return component;
  }

  read(ref: ActorRef, outside: (ref: ActorRef) => Actor | null): Actor | null {
    const key = refKey(ref);
    this.touched.add(key);
    return this.turned.get(key)?.after ?? outside(ref);
  }

  /** Takes over one turn's plan. */
  add(before: Actor | null, after: Actor, planned: Plan, journal: Row<JournalWrite>): void {
    const { ref, key, revision } = after;
    this.#turn(key, before, after);
    this.journal.push(journal);
    for (const name of planned.cancelled)
      this.timers.set(`${key} ${name}`, { ref, name, armed: null });
    for (const { name, delayMs } of planned.armed)
      this.timers.set(`${key} ${name}`, { ref, name, armed: { armingId: revision, delayMs } });
    for (const { posting, legs, reason, jobId } of planned.postings)
      legs.forEach((leg, index) =>
        this.ledger.push({
          accountId: ref.accountId,
          posting,
          leg: index + 1,
          ...leg,
          reason,
          jobId,
        }),
      );
    planned.orders.forEach(({ order, accountId }, index) => {
      const id = `${ref.id}:${revision}:${index}`;
      this.outbox.push({
        accountId: SYSTEM_ACCOUNT,
        id,
        destination: `worker:${ref.id}`,
        payload: JSON.stringify({ frame: { ...order, id }, accountId }),
      });
    });
    for (const attempt of planned.settles) this.settles.push({ worker: ref, revision, attempt });
  }

  /** Told by a turn of this component to an actor that is parked: it waits there with the rest. */
  keepForOperator(from: ActorRef, to: ActorRef, event: ActorEvent): void {
    const revision = this.turned.get(refKey(from))!.after.revision;
    this.parked.push({
      ref: to,
      id: `${from.kind}:${from.id}:${revision}:${this.parked.length}`,
      event: JSON.stringify(event),
      reason: `Told by ${refKey(from)} while parked.`,
    });
  }

  /** Appends a later component that shares an actor with this one. */
  absorb(later: Component): void {
    this.mails.push(...later.mails);
    for (const key of later.touched) this.touched.add(key);
    for (const [key, { before, after }] of later.turned) this.#turn(key, before, after);
    this.journal.push(...later.journal);
    this.ledger.push(...later.ledger);
    this.outbox.push(...later.outbox);
    this.parked.push(...later.parked);
    this.settles.push(...later.settles);
    for (const [key, timer] of later.timers) this.timers.set(key, timer);
  }

  /** `before` stays what was committed, however many turns the actor takes in this batch. */
  #turn(key: string, before: Actor | null, after: Actor): void {
    const earlier = this.turned.get(key);
    this.turned.set(key, { before: earlier ? earlier.before : before, after });
  }

  get isEmpty(): boolean {
    return this.turned.size === 0 && this.parked.length === 0;
  }
}

/** The turns computed so far, not yet committed; later ones see what earlier ones changed. */
export class Batch {
  readonly components = new Set<Component>();
  readonly #byActor = new Map<string, Component>();

  read(ref: ActorRef): Actor | null {
    const key = refKey(ref);
    return this.#byActor.get(key)?.turned.get(key)?.after ?? null;
  }

  /** Joins the component with those it depends on. */
  add(component: Component): void {
    let joined = component;
    const earlier = new Set([...component.touched].flatMap((key) => this.#byActor.get(key) ?? []));
    if (earlier.size > 0) {
      const [first, ...others] = earlier as unknown as [Component, ...Component[]];
      for (const other of [...others, component]) {
        first.absorb(other);
        this.components.delete(other);
      }
      joined = first;
    }
    this.components.add(joined);
    for (const key of joined.turned.keys()) this.#byActor.set(key, joined);
  }
}

/** The rows of all components, each marked with its component's index. */
export function rowsOf(components: readonly Component[], batchId: string): CommitBatch {
  const marked = <T>(of: (component: Component) => readonly T[]) =>
    components.flatMap((each, component) => of(each).map((row) => ({ ...row, component })));
  const timers = marked((each) => [...each.timers.values()]);
  return {
    batchId,
    components: components.length,
    actors: marked((each) => [...each.turned.values()].map(actorRow)),
    journal: marked((each) => each.journal),
    timersArmed: timers.flatMap(({ armed, ...timer }) => (armed ? [{ ...timer, ...armed }] : [])),
    timersCancelled: timers.flatMap(({ armed, ...timer }) => (armed ? [] : [timer])),
    ledger: marked((each) => each.ledger),
    outbox: marked((each) => each.outbox),
    stream: marked((each) => [...each.turned.values()].flatMap(streamRow)),
    parked: marked((each) => each.parked),
    fences: marked((each) => each.mails.flatMap(({ fence }) => (fence ? [fence] : []))),
  };
}

const actorRow = ({ before, after }: Turned) => ({
  ref: after.ref,
  machine: after.chart.machine.id,
  version: after.chart.version,
  expected: before?.revision ?? 0,
  revision: after.revision,
  state: stateName(after.snapshot.value),
  tags: tagsOf(after),
  snapshot: persist(after),
});

/** A job whose public face changed tells its owner; several changes in one commit are told once. */
function streamRow({ before, after }: Turned) {
  if (after.ref.kind !== 'job') return [];
  const payload = publicChange(before, after);
  if (payload === null) return [];
  const { accountId, id: jobId } = after.ref;
  return [{ accountId, jobId, revision: after.revision, payload: JSON.stringify(payload) }];
}
