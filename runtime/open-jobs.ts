// The jobs that have not ended, as last heard of, also such as are only being committed. Rows and news arrive
// in any order: what is older than what is known says nothing, and what has ended does not come back.
import type { ActorRef } from '../machines/contract/ids.ts';
import type { Modality } from '../machines/contract/models.ts';
import type { StatusView } from '../machines/contract/views.ts';

interface OpenJob {
  readonly ref: ActorRef;
  readonly modality: Modality;
  readonly running: boolean;
  readonly revision: number;
}

/** Ended jobs remembered: more than can end while a row is on its way here. */
const ENDED_MAX = 10_000;

export class OpenJobs {
  readonly #open = new Map<string, OpenJob>();
  readonly #ended = new Set<string>();

  get refs(): ActorRef[] {
    return [...this.#open.values()].map(({ ref }) => ref);
  }

  has(id: string): boolean {
    return this.#open.has(id);
  }

  refOf(id: string): ActorRef | null {
    return this.#open.get(id)?.ref ?? null;
  }

  /** The revision that is known; one that has ended is beyond all. */
  revisionOf(id: string): number {
    return this.#ended.has(id) ? Infinity : (this.#open.get(id)?.revision ?? 0);
  }

  set(job: OpenJob): void {
    this.#open.set(job.ref.id, job);
  }

  end(id: string): void {
    this.#open.delete(id);
    this.#ended.add(id);
    if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.values().next().value!);
  }

  /** As if it had never been heard of. */
  forget(id: string): void {
    this.#open.delete(id);
    this.#ended.delete(id);
  }

  counts(): StatusView['queue'] {
    const by_modality = { image: 0, video: 0, text: 0, audio: 0, transcript: 0 };
    let running = 0;
    for (const job of this.#open.values()) {
      by_modality[job.modality] += 1;
      if (job.running) running += 1;
    }
    return { waiting: this.#open.size - running, running, by_modality };
  }
}
