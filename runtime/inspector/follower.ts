// Tells the turns of the actors it was pointed at, per actor without a gap and without a repeat. Commits of
// this runtime are told as they happen; whatever was missed (the past, commits of other runtimes, what came
// while we were reading) is read from the journal.
import type { StoredActor } from '../../db/store.ts';
import { refKey, type ActorRef } from '../../machines/contract/ids.ts';
import type { Component, Turned } from '../component.ts';
import type { Context } from '../../machines/contract/patch.ts';
import { fold, snapshotOf, type InspectedSnapshot, type Step } from './fold.ts';
import { actorFrame, stepFrames, type InspectionFrame } from './frames.ts';
import { machineOf, stepsAfter, type History, type Inspected } from './history.ts';

const PAGE_ROWS = 100;
/** Actors whose last told turn is remembered; one that was forgotten is introduced anew. */
const ACTORS_MAX = 20_000;

export interface FollowerSeams {
  readonly history: History;
  /** Resolves when the frame has left, or never will. */
  readonly send: (frame: InspectionFrame) => Promise<void>;
  readonly failed: (error: unknown) => void;
}

export class Follower {
  readonly #seams: FollowerSeams;
  /** By actor, the last turn told; oldest first. */
  readonly #told = new Map<string, number>();
  /** Actors to be read from the journal; `again` when there is news meanwhile. */
  readonly #behind = new Map<string, Inspected & { again: boolean }>();
  #isReading = false;
  #isStopped = false;

  constructor(seams: FollowerSeams) {
    this.#seams = seams;
  }

  /** From that turn on, which may be long ago. @param after a revision that the actor has had, or 0 */
  async begin(actor: StoredActor, after: number): Promise<void> {
    const inspected = { ref: actor.ref, machine: machineOf(actor) };
    // Live turns wait from here on: what is committed while we read the past is in the journal, too.
    this.#behind.set(refKey(actor.ref), { ...inspected, again: true });
    if (after === actor.revision) this.#introduceStored(actor);
    else {
      const step = after === 0 ? undefined : await this.#stepAt(inspected, after);
      const time = step?.event.at ?? actor.createdAt;
      this.#introduce(inspected, after, step?.snapshot ?? null, time);
    }
    this.#readOn();
  }

  /** Undefined when the journal does not reach back that far. */
  async #stepAt(inspected: Inspected, revision: number): Promise<Step | undefined> {
    const { history } = this.#seams;
    for await (const [step] of stepsAfter(history, inspected, revision - 1, PAGE_ROWS))
      if (step) return step.revision === revision ? step : undefined;
    return undefined;
  }

  #introduceStored(actor: StoredActor): void {
    const { ref, revision, state, updatedAt } = actor;
    const machine = machineOf(actor);
    const { context } = JSON.parse(actor.snapshot) as { context: Context };
    const snapshot = snapshotOf(machine, state, context);
    this.#introduce({ ref, machine }, revision, snapshot, updatedAt);
  }

  #introduce(
    { ref, machine }: Inspected,
    revision: number,
    snapshot: InspectedSnapshot | null,
    at: number,
  ): void {
    this.#note(refKey(ref), revision);
    void this.#seams.send(actorFrame(ref, machine, revision, snapshot, at));
  }

  #note(key: string, revision: number): void {
    this.#told.delete(key);
    this.#told.set(key, revision);
    if (this.#told.size > ACTORS_MAX) this.#told.delete(this.#told.keys().next().value!);
  }

  /** This runtime has just committed these turns of an actor. */
  committed({ before, after }: Turned, component: Component): void {
    const { ref, key } = after;
    const inspected = { ref, machine: after.chart.machine };
    const rows = component.journal.filter((row) => refKey(row.ref) === key);
    const [first] = rows;
    if (!first) return;
    const base = before?.snapshot.context as Context | undefined;
    if (!this.#told.has(key) && !this.#behind.has(key)) {
      const snapshot = base ? snapshotOf(inspected.machine, first.from, base) : null;
      const { at } = JSON.parse(first.event) as Step['event'];
      this.#introduce(inspected, first.revision - 1, snapshot, at);
    }
    if (this.#behind.has(key) || this.#told.get(key) !== first.revision - 1)
      return this.#catchUp(inspected, after.revision);
    for (const step of fold(inspected.machine, rows, base).steps)
      void this.#tell(ref, step, tellerOf(component, key, step));
  }

  /** The actor as it is stored now: another runtime may have committed. */
  stored(actor: StoredActor, isNew: boolean): void {
    const inspected = { ref: actor.ref, machine: machineOf(actor) };
    const key = refKey(actor.ref);
    if (!this.#told.has(key) && !this.#behind.has(key))
      if (isNew) this.#introduce(inspected, 0, null, actor.createdAt);
      else this.#introduceStored(actor);
    this.#catchUp(inspected, actor.revision);
  }

  #tell(ref: ActorRef, step: Step, teller?: string): Promise<void> {
    this.#note(refKey(ref), step.revision);
    const sent = stepFrames(ref, step, teller).map((frame) => this.#seams.send(frame));
    return sent.at(-1)!;
  }

  #catchUp(inspected: Inspected, revision: number): void {
    const key = refKey(inspected.ref);
    const reading = this.#behind.get(key);
    if (reading) reading.again = true;
    else if ((this.#told.get(key) ?? 0) < revision)
      this.#behind.set(key, { ...inspected, again: true });
    this.#readOn();
  }

  #readOn(): void {
    if (this.#isReading || this.#isStopped || this.#behind.size === 0) return;
    this.#isReading = true;
    void this.#read().catch(this.#seams.failed);
  }

  async #read(): Promise<void> {
    try {
      for (const [key, reading] of this.#behind) {
        while (reading.again && !this.#isStopped) {
          reading.again = false;
          await this.#readOne(key, reading);
        }
        // In the same step as the last look at `again`, so that no turn falls in between.
        this.#behind.delete(key);
      }
    } finally {
      this.#isReading = false;
    }
  }

  async #readOne(key: string, inspected: Inspected): Promise<void> {
    const { history } = this.#seams;
    const after = this.#told.get(key) ?? 0;
    for await (const steps of stepsAfter(history, inspected, after, PAGE_ROWS)) {
      let sent: Promise<void> | undefined;
      for (const step of steps) sent = this.#tell(inspected.ref, step);
      // The next page waits until this one has left: memory is bounded by a page.
      await sent;
      if (this.#isStopped) return;
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#behind.clear();
    this.#told.clear();
  }
}

/** Who told an actor that event, in the same commit. */
function tellerOf(component: Component, key: string, { event }: Step): string | undefined {
  const teller = component.journal.find(({ effects }) => {
    const { tell = [] } = JSON.parse(effects) as { tell?: [to: string, type: string][] };
    return tell.some(([to, type]) => to === key && type === event.type);
  });
  return teller && refKey(teller.ref);
}
