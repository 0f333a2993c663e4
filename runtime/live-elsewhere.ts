// Live frames for people who watch at another runtime than the one their worker is connected to. Each
// runtime listens for the accounts that are watched at it.
import { z } from 'zod';
import type { Channel } from '../machines/contract/channel.ts';
import type { Elsewhere, Ephemeral, Live } from './live.ts';

const PREFIX = 'live:';
/** A channel that is this far behind gets no more progress. */
const PENDING_MAX = 1_000;

const message = z.object({ from: z.string(), frames: z.array(z.unknown()) });

interface Seams {
  readonly channel: Channel;
  readonly runtimeId: string;
  readonly isAlone: () => boolean;
}

export class LiveElsewhere implements Elsewhere {
  readonly #seams: Seams;
  /** By account, in order; of one job only the latest progress. */
  #pending = new Map<string, Ephemeral[]>();
  #size = 0;
  #isSending = false;

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  watched(accountId: string, isWatched: boolean): void {
    const { channel } = this.#seams;
    if (isWatched) channel.subscribe(PREFIX + accountId);
    else channel.unsubscribe(PREFIX + accountId);
  }

  show(accountId: string, frame: Ephemeral): void {
    if (this.#seams.isAlone()) return;
    const waiting = this.#pending.get(accountId) ?? [];
    const older = waiting.findIndex(
      (each) =>
        each.type === 'progress' && each.type === frame.type && each.job_id === frame.job_id,
    );
    // A picture is said once; the progress that overtakes it takes it along.
    if (older >= 0) waiting[older] = { ...waiting[older], ...frame };
    else if (this.#size >= PENDING_MAX && frame.type !== 'text') return;
    else {
      waiting.push(frame);
      this.#size += 1;
    }
    this.#pending.set(accountId, waiting);
    if (this.#isSending) return;
    this.#isSending = true;
    void this.#run().finally(() => (this.#isSending = false));
  }

  /** What comes while a message is on its way goes with the next one. */
  async #run(): Promise<void> {
    await Promise.resolve();
    const { channel, runtimeId } = this.#seams;
    while (this.#pending.size > 0) {
      const pending = this.#pending;
      this.#pending = new Map();
      this.#size = 0;
      for (const [accountId, frames] of pending) {
        const shown = channel.isSlow ? frames.map(withoutPreview) : frames;
        await channel.publish(PREFIX + accountId, [
          JSON.stringify({ from: runtimeId, frames: shown }),
        ]);
      }
    }
  }

  /** @param live where the frames are shown to those who watch here */
  receive(topic: string, text: string, live: Live): void {
    if (!topic.startsWith(PREFIX)) return;
    const parsed = message.safeParse(JSON.parse(text));
    if (!parsed.success || parsed.data.from === this.#seams.runtimeId) return;
    for (const frame of parsed.data.frames)
      live.ephemeral(topic.slice(PREFIX.length), frame as Ephemeral);
  }
}

function withoutPreview(frame: Ephemeral): Ephemeral {
  if (frame.type !== 'progress') return frame;
  const { preview: _, ...rest } = frame;
  return rest;
}
