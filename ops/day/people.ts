// What people want on such a day: mostly pictures and texts, now and then speech, a transcript, a film; some change
// their minds.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { TesseraClient } from '../../adapters/client/http.ts';
import { TesseraProblem } from '../../adapters/client/problem.ts';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { Dice } from '../crash/dice.ts';

const WAIT_S = 20;
const LOOK_AGAIN_MS = 1_000;
/** A job in twenty is cancelled, at whatever moment. */
const CANCELLED = 0.05;

type Wish = readonly [weight: number, request: (recording: string) => JobRequestInput];

const picture = (model: string): JobRequestInput => ({
  ...{ modality: 'image', model, prompt: 'a lighthouse in the rain' },
  params: { width: 512, height: 512, steps: 10 },
});
const text = (model: string): JobRequestInput => ({
  ...{ modality: 'text', model, prompt: 'Once upon a time' },
  params: { max_tokens: 40 },
});

const WISHES: readonly Wish[] = [
  [30, () => picture('sdxl')],
  [14, () => picture('flux-dev')],
  [16, () => text('writer')],
  [10, () => text('poet')],
  [12, () => ({ modality: 'audio', model: 'voice', prompt: 'The ferry leaves at nine.' })],
  [
    12,
    (recording) => ({
      ...{ modality: 'transcript', model: 'whisper-small' },
      inputs: [{ role: 'audio', blob: recording }],
    }),
  ],
  [
    6,
    () => ({
      ...{ modality: 'video', model: 'wan-2.2-5b', prompt: 'waves' },
      params: { width: 512, height: 320, seconds: 1, fps: 12, steps: 5 },
    }),
  ],
];

export function wishOf(chance: Dice, recording: string): JobRequestInput {
  let at = chance.next() * WISHES.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, request] of WISHES) if ((at -= weight) < 0) return request(recording);
  return picture('sdxl');
}

export interface Lived {
  readonly job: JobView;
  /** Told to stop by its person. */
  readonly wasCancelled: boolean;
}

/** From the wish to its end, however long that takes. */
export async function live(
  client: TesseraClient,
  request: JobRequestInput,
  chance: Dice,
  signal: AbortSignal,
): Promise<Lived> {
  const idempotencyKey = randomUUID();
  const wish = { ...request, deadline_s: 1800 };
  const { id } = await patiently(() => client.createJob(wish, { idempotencyKey }), signal);
  const wasCancelled = chance.next() < CANCELLED;
  if (wasCancelled) {
    await delay(chance.next() * 2_000);
    await patiently(() => client.cancelJob(id), signal);
  }
  for (;;) {
    const job = await patiently(() => client.job(id, { waitS: WAIT_S }), signal);
    if (job.phase === 'settled' || signal.aborted) return { job, wasCancelled };
  }
}

/** On a slow computer the runtime has more to do than it can, and says so: whoever hears that comes back. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isBusy = error instanceof TesseraProblem && error.code === 'unavailable';
      if (!isBusy || signal.aborted) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}
