// An engine of the worker's port that makes small files quickly, keeps its own count of what runs at once,
// and writes a diary that no other part of the program can touch. What it does is told by the prompt:
//   plain          makes a few hundred bytes within some milliseconds
//   large          makes 1.2 MB, which travel in several parts
//   break N        fails in its first N attempts, as an engine does
//   wrong          cannot be made, whoever tries
//   endless        works until it is stopped
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineFailure, type Engine, type EngineJob } from '../../machines/contract/engine.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import type { EngineLine } from './history.ts';
import { pass } from './points.ts';

export const MODELS = ['swift', 'swallow'] as const;
const LARGE_BYTES = 1_200_000;
const RUN_MS_MAX = 60;

export interface EngineOptions {
  readonly worker: string;
  readonly slots: number;
  readonly diary: string;
}

export function createFastEngine({ worker, slots, diary }: EngineOptions): Engine {
  let running = 0;
  const write = (what: EngineLine['what'], { id: job, attempt }: EngineJob): void => {
    const line: EngineLine = { worker, pid: process.pid, what, job, attempt, running, slots };
    // One write each, appended: a kill between two of them tears no line.
    appendFileSync(diary, `${JSON.stringify(line)}\n`);
  };
  return {
    name: 'fast',
    probe: async () => undefined,
    models: async () => MODELS.map(offer),
    load: async () => ({ loadMs: 1, vramBytes: 1_000 }),
    unload: async () => undefined,
    close: async () => undefined,
    async run(job, report, signal) {
      running += 1;
      write('begin', job);
      try {
        report({ type: 'started' });
        pass('running');
        return [await make(job, signal)];
      } finally {
        running -= 1;
        write('end', job);
      }
    },
  };
}

async function make(job: EngineJob, signal: AbortSignal) {
  const [kind = '', times = '0'] = job.prompt.split(' ');
  await delay(kind === 'endless' ? 3_600_000 : Math.random() * RUN_MS_MAX, null, { signal });
  if (kind === 'wrong') throw new EngineFailure('invalidInput', 'This cannot be made.');
  if (kind === 'break' && job.attempt <= Number(times))
    throw new EngineFailure('engineError', `Attempt ${job.attempt} was to fail.`);
  // The first line says for whom it was made; the checker compares.
  const text = `${job.id}\nattempt ${job.attempt}: ${job.prompt}\n`;
  const bytes = new TextEncoder().encode(text.padEnd(kind === 'large' ? LARGE_BYTES : 300, '.'));
  return { mediaType: 'text/plain', bytes, facts: { attempt: job.attempt } };
}

const offer = (id: string): ModelOffer => ({
  ...{ id, name: id, engine: 'fast', modality: 'text', description: 'Makes marks, fast.' },
  ...{ vramBytes: 1_000, loadMs: 1, runMs: 30, limits: {}, styles: [], voices: [] },
});
