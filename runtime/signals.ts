// What runtimes tell each other so that nobody has to wait for a poll: that there are turns, which workers
// had some, and that a lease was let go. All of it may be lost; it only says where to look.
import { z } from 'zod';
import type { Channel } from '../machines/contract/channel.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';

const TOPIC = 'turns';
/** Commits of this long are told in one message. */
const PAUSE_MS = 5;

/** What another runtime committed. Fields that a newer release may add are passed over. */
const news = z.object({
  from: z.string(),
  workers: z.array(z.string()).default([]),
  /** A lease is free now. */
  leases: z.boolean().default(false),
});
export type News = z.infer<typeof news>;

interface Seams {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly runtimeId: string;
  /** Nothing is said into an empty room: a runtime that is alone pays nothing. */
  readonly isAlone: () => boolean;
}

export class Signals {
  readonly #seams: Seams;
  readonly #workers = new Set<string>();
  #hasTurns = false;
  #isSending = false;

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  start(): void {
    this.#seams.channel.subscribe(TOPIC);
  }

  /** @returns null: not a signal, or our own */
  read(topic: string, text: string): News | null {
    if (topic !== TOPIC) return null;
    const parsed = news.safeParse(parseJson(text));
    return parsed.success && parsed.data.from !== this.#seams.runtimeId ? parsed.data : null;
  }

  committed(component: Component): void {
    if (this.#seams.isAlone()) return;
    for (const { after } of component.turned.values())
      if (after.ref.kind === 'worker') this.#workers.add(after.ref.id);
    this.#hasTurns = true;
    if (this.#isSending) return;
    this.#isSending = true;
    void this.#run().finally(() => (this.#isSending = false));
  }

  /** The first commit is told at once; those that come until the next message, together. */
  async #run(): Promise<void> {
    await Promise.resolve(); // a commit may have many components
    while (this.#hasTurns) {
      await this.#flush();
      await this.#seams.clock.sleep(PAUSE_MS);
    }
  }

  async #flush(said: Partial<News> = {}): Promise<void> {
    const { channel, runtimeId } = this.#seams;
    const workers = [...this.#workers];
    this.#workers.clear();
    this.#hasTurns = false;
    const text = JSON.stringify({ from: runtimeId, workers, ...said });
    await channel.publish(TOPIC, [text]);
  }

  /** Ours are free: whoever hears this asks for them at once. */
  async leasesReleased(): Promise<void> {
    if (!this.#seams.isAlone()) await this.#flush({ leases: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
