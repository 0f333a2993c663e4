// ACE-Step's API server: a task is released, asked for, and its file fetched. It keeps tasks in memory only, and an
// id that it does not know looks like one that waits for ever: so its statistics are asked, too.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { pause, type Timers } from '../../seams.ts';
import { failureOf, jsonOf, type EngineAnswer } from '../engine-answers.ts';
import type { Caller } from '../http-call.ts';
import type { AceStepWire, SoundSettings } from './settings.ts';
import type { SoundOrder, SoundWire } from './wire.ts';

interface Task {
  readonly state: 'waiting' | 'done' | 'failed';
  /** Nothing is said about it: it waits, or the server has never heard of it. */
  readonly isBlank: boolean;
  readonly progress: number;
  readonly file: string;
  readonly error: string;
}

/** The line may break for a moment; the task goes on without it. */
const BROKEN_POLLS_MAX = 5;
/** A server that is asked in vain is asked again. */
const POLL_TIMEOUT_MS = 5000;
/** One look may fall between the queue and the work. */
const IDLE_POLLS_MAX = 2;
const STATES = ['waiting', 'done', 'failed'] as const;

export function createAceStepWire(
  settings: SoundSettings,
  wire: AceStepWire,
  caller: Caller,
  timers: Timers,
  closing: AbortSignal,
): SoundWire {
  const { loadTimeoutMs, soundTimeoutMs, pollMs } = settings;

  const release = async (order: SoundOrder): Promise<string> => {
    const { model, prompt, lyrics, seconds, seed, format, isSafe } = order;
    const answer = await caller.post('/release_task', {
      body: {
        task_type: 'text2music',
        prompt,
        lyrics: lyrics ?? '',
        audio_duration: seconds,
        // Left out, it would make two.
        batch_size: 1,
        seed,
        use_random_seed: false,
        audio_format: format,
        model: model.model,
        thinking: wire.thinking && !isSafe,
        ...(wire.steps !== undefined && { inference_steps: wire.steps }),
      },
      // Cut off here, a task would go on whose id nobody knows: it is let in, and followed to its end.
      signal: closing,
      secret: `${prompt} ${lyrics ?? ''}`,
    });
    const id = fieldsOf(dataOf(answer))['task_id'];
    if (typeof id === 'string' && id !== '') return id;
    throw new EngineFailure('outputInvalid', 'The engine took the task without giving it an id.');
  };

  const lookUp = async (id: string, signal: AbortSignal): Promise<Task> => {
    const answer = await caller.post('/query_result', {
      body: { task_id_list: [id] },
      signal,
      timeoutMs: POLL_TIMEOUT_MS,
    });
    const list = dataOf(answer);
    const said = (Array.isArray(list) ? list.map(fieldsOf) : []).find(
      (each) => each['task_id'] === id,
    );
    if (said === undefined)
      throw new EngineFailure(
        'outputInvalid',
        'The engine said nothing about the task it was asked for.',
      );
    return readTask(said);
  };

  const isIdle = async (signal: AbortSignal): Promise<boolean> => {
    const jobs = fieldsOf(fieldsOf(dataOf(await caller.get('/v1/stats', { signal })))['jobs']);
    return Number(jobs['queued'] ?? 0) + Number(jobs['running'] ?? 0) === 0;
  };

  /** Until it has ended, in whichever way. */
  const follow = async (id: string, tell: (fraction: number) => void, signal: AbortSignal) => {
    const deadline = timers.now() + soundTimeoutMs;
    let brokenPolls = 0;
    let idlePolls = 0;
    for (;;) {
      if (timers.now() > deadline)
        throw new EngineFailure('timedOut', 'The engine did not finish the task in its time.');
      await pause(timers, pollMs, signal);
      try {
        const task = await lookUp(id, signal);
        if (task.state !== 'waiting') return task;
        tell(task.progress);
        idlePolls = task.isBlank && (await isIdle(signal)) ? idlePolls + 1 : 0;
        brokenPolls = 0;
      } catch (error) {
        signal.throwIfAborted();
        brokenPolls += 1;
        if (!isLine(error) || brokenPolls > BROKEN_POLLS_MAX) throw error;
      }
      if (idlePolls >= IDLE_POLLS_MAX)
        throw new EngineFailure('engineCrashed', 'The engine was restarted and forgot the task.');
    }
  };

  const fetchFile = async (task: Task, secret: string, signal: AbortSignal) => {
    if (task.state === 'failed') {
      const detail = task.error === '' ? 'the task failed' : task.error;
      throw failureOf(saying(500, detail), secret);
    }
    if (task.file === '')
      throw new EngineFailure('outputMissing', 'The engine finished the task without a file.');
    const { bytes } = await caller.get(task.file, { signal, timeoutMs: loadTimeoutMs });
    return bytes;
  };

  return {
    takesSeed: true,
    knowsProgress: true,
    probe: async (signal) => {
      dataOf(await caller.get('/health', { signal }));
    },
    load: async ({ model }, signal) => {
      const inventory = fieldsOf(dataOf(await caller.get('/v1/models', { signal })));
      const models = Array.isArray(inventory['models']) ? inventory['models'].map(fieldsOf) : [];
      const found = models.find(({ name }) => name === model);
      if (found === undefined)
        throw new EngineFailure('modelMissing', 'The engine does not list this model.');
      if (found['is_loaded'] !== false) return;
      const call = { body: { model }, signal, timeoutMs: loadTimeoutMs };
      dataOf(await caller.post('/v1/init', call));
    },
    unload: async () => false,
    make: async (order, tell, signal) => {
      const id = await release(order);
      try {
        const task = await follow(id, (fraction) => tell?.(fraction), signal);
        return await fetchFile(task, `${order.prompt} ${order.lyrics ?? ''}`, signal);
      } catch (error) {
        // Nothing can stop it, so the card is not free before it ends.
        if (signal.aborted && !closing.aborted) await follow(id, () => {}, closing).catch(() => {});
        throw error;
      }
    },
  };
}

function readTask(said: Record<string, unknown>): Task {
  const files = parseList(said['result']);
  const [first = {}] = files;
  return {
    state: STATES[Number(said['status'])] ?? 'failed',
    isBlank: files.length === 0,
    progress: Math.min(1, Math.max(0, Number(first['progress']) || 0)),
    file: typeof first['file'] === 'string' ? first['file'] : '',
    error: typeof first['error'] === 'string' ? first['error'] : '',
  };
}

/** JSON inside of JSON, one entry for each file. */
function parseList(result: unknown): Record<string, unknown>[] {
  try {
    const list: unknown = JSON.parse(String(result));
    return Array.isArray(list) ? list.map(fieldsOf) : [];
  } catch {
    return [];
  }
}

/** Everything comes in an envelope, whose code may be an error where the status is none. */
function dataOf(answer: EngineAnswer): unknown {
  const { data, code = 200, error } = fieldsOf(jsonOf(answer));
  if (code === 200) return data;
  throw failureOf(saying(Number(code), typeof error === 'string' ? error : ''));
}

const saying = (status: number, detail: string): EngineAnswer => ({
  status,
  contentType: 'application/json',
  bytes: Buffer.from(JSON.stringify({ detail })),
});

const isLine = (error: unknown) =>
  error instanceof EngineFailure &&
  ['engineCrashed', 'engineUnreachable', 'timedOut'].includes(error.code);

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
