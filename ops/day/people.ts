// What people want on such a day: mostly pictures and texts, now and then speech, a transcript, a film; some change
// their minds.
import { setTimeout as delay } from 'node:timers/promises';
import type { TesseraClient } from '../../adapters/client/http.ts';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { Dice } from '../crash/dice.ts';

const LOOK_MS = 200;
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
  const { id } = await client.createJob({ ...request, deadline_s: 1800 });
  const wasCancelled = chance.next() < CANCELLED;
  if (wasCancelled) {
    await delay(chance.next() * 2_000);
    await client.cancelJob(id);
  }
  for (;;) {
    const job = await client.job(id);
    if (job.phase === 'settled' || signal.aborted) return { job, wasCancelled };
    await delay(LOOK_MS);
  }
}
