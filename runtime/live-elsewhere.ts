// Live frames for people who watch at another runtime than the one their worker is connected to. Each
// runtime listens for the accounts that are watched at it.
import { z } from 'zod';
import type { Channel } from '../machines/contract/channel.ts';
import type { Clock } from './clock.ts';
import type { Elsewhere, Ephemeral, Live } from './live.ts';
import { HeardText, ToldText } from './told-text.ts';

const PREFIX = 'live:';
const AGAIN = 'again';
/** A channel that is this far behind gets no more progress. */
const PENDING_MAX = 1_000;
/** In one message: a piece of text has 10,000 characters at most, and a message must not become huge. */
const FRAMES_MAX = 10;
const ANSWER_WITHIN_MS = 1_000;

const message = z.object({ from: z.string(), frames: z.array(z.unknown()) });
/** Text of a job is missing, from this piece on. */
const again = z.object({ account: z.string(), job: z.string(), index: z.number() });

interface Seams {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly runtimeId: string;
  readonly isAlone: () => boolean;
}

export class LiveElsewhere implements Elsewhere {
  readonly #seams: Seams;
  /** By account, in order; of one job only the latest progress. */
  #pending = new Map<string, Ephemeral[]>();
  #size = 0;
  #isSending = false;
  readonly #told = new ToldText();
  readonly #heard = new HeardText();
  /** By job: the piece that was asked for last. */
  readonly #asked = new Map<string, number>();

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  start(): void {
    this.#seams.channel.subscribe(AGAIN);
  }

  watched(accountId: string, isWatched: boolean): void {
    const { channel } = this.#seams;
    if (isWatched) channel.subscribe(PREFIX + accountId);
    else channel.unsubscribe(PREFIX + accountId);
  }

  show(accountId: string, frame: Ephemeral): void {
    if (frame.type === 'text') this.#told.add(frame);
    if (!this.#seams.isAlone()) this.#send(accountId, frame);
  }

  #send(accountId: string, frame: Ephemeral): void {
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
        while (shown.length > 0) {
          const text = JSON.stringify({ from: runtimeId, frames: shown.splice(0, FRAMES_MAX) });
          await channel.publish(PREFIX + accountId, [text]);
        }
      }
    }
  }

  /** @param live where the frames are shown to those who watch here */
  receive(topic: string, text: string, live: Live): void {
    if (topic === AGAIN) return this.#repeat(text);
    if (!topic.startsWith(PREFIX)) return;
    const parsed = message.safeParse(JSON.parse(text));
    if (!parsed.success || parsed.data.from === this.#seams.runtimeId) return;
    const accountId = topic.slice(PREFIX.length);
    for (const frame of parsed.data.frames as Ephemeral[])
      if (frame.type !== 'text') live.ephemeral(accountId, frame);
      else {
        const { whole, missing } = this.#heard.add(frame);
        for (const piece of whole) live.ephemeral(accountId, piece);
        if (missing !== null) void this.#ask(accountId, frame.job_id, missing, live);
      }
  }

  async #ask(account: string, job: string, index: number, live: Live): Promise<void> {
    if (this.#asked.get(job) === index) return;
    this.#asked.set(job, index);
    const { channel, clock } = this.#seams;
    await channel.publish(AGAIN, [JSON.stringify({ account, job, index })]);
    await clock.sleep(ANSWER_WITHIN_MS);
    if (this.#asked.get(job) === index) this.#asked.delete(job);
    for (const frame of this.#heard.giveUp(job, index)) live.ephemeral(account, frame);
  }

  #repeat(text: string): void {
    const parsed = again.safeParse(JSON.parse(text));
    if (!parsed.success) return;
    const { account, job, index } = parsed.data;
    for (const frame of this.#told.from(job, index)) this.#send(account, frame);
  }
}

function withoutPreview(frame: Ephemeral): Ephemeral {
  if (frame.type !== 'progress') return frame;
  const { preview: _, ...rest } = frame;
  return rest;
}
