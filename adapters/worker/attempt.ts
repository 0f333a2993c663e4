// One attempt from its order to its end. It ends exactly once; the end is then repeated until settled.
import { EngineFailure, type EngineUpdate } from '../../machines/contract/engine.ts';
import type { FailureCode } from '../../machines/contract/failures.ts';
import { PARAMS } from '../../machines/contract/requests.ts';
import type {
  AgentFrame,
  AgentFrameOf,
  RuntimeFrame,
} from '../../machines/contract/worker-protocol.ts';
import { messageOf } from './arbiter/arbiter.ts';
import type { EngineRun } from './arbiter/guarded-run.ts';
import { fetchInputs } from './inputs.ts';
import { createProgressReporter } from './progress.ts';
import type { Results, StoredOutput } from './results.ts';
import type { Log, Seams } from './seams.ts';
import { upload } from './upload.ts';

export type RunOrder = Extract<RuntimeFrame, { type: 'run' }>;
type EndReport = AgentFrameOf<'finished'> | AgentFrameOf<'failed'> | AgentFrameOf<'cancelled'>;

export interface Attempt {
  readonly key: string;
  readonly order: RunOrder;
  /** The arbiter's turn: holds the GPU until it resolves. Never rejects. */
  start(run: EngineRun): Promise<void>;
  fail(code: FailureCode, message: string): void;
  cancel(): void;
  /** Stops without a report: nobody waits for one any more. */
  abandon(): void;
  /** After a reconnect: everything the runtime may have missed. */
  repeat(): void;
  isEnded(): boolean;
}

export interface AttemptOptions {
  readonly url: string;
  readonly key: string;
  readonly seams: Seams;
  readonly log: Log;
  readonly results: Results;
  readonly send: (frame: AgentFrame) => void;
  readonly isOnline: () => boolean;
  readonly whenOnline: (signal: AbortSignal) => Promise<void>;
  readonly onEnd: () => void;
}

/** An engine that ignores its signal holds the GPU; past this the report goes out anyway. */
const STOP_GRACE_MS = 10_000;
const TEXT_CHARACTERS_MAX = 10_000;

export const attemptKey = (of: { job: string; attempt: number }) => `${of.job}.${of.attempt}`;

export function createAttempt(order: RunOrder, options: AttemptOptions): Attempt {
  const { seams, log, send } = options;
  const of = { job: order.job, attempt: order.attempt };
  const key = attemptKey(of);
  const stop = new AbortController();
  const progress = createProgressReporter(of, seams.timers, send);
  // Tokens are not lossy: the runtime fills its gaps from what is kept here.
  const texts: string[] = [];
  let phase: 'waiting' | 'executing' | 'delivering' = 'waiting';
  let hasStarted = false;
  let report: EndReport | undefined;
  let isSilent = false;

  const end = (what: EndReport) => {
    if (report !== undefined || isSilent) return;
    report = what;
    progress.stop();
    if (what.type !== 'finished') void options.results.forget(key).catch(() => {});
    log.info(
      { ...of, end: what.type, ...('code' in what && { code: what.code, why: what.message }) },
      'Attempt ended',
    );
    send(what);
    options.onEnd();
  };

  const endWith = (error: unknown) => {
    if (error === CANCELLED) return end({ type: 'cancelled', ...of });
    const code = error instanceof EngineFailure ? error.code : 'engineError';
    end({ type: 'failed', ...of, code, message: messageOf(error) });
  };

  const markStarted = () => {
    if (hasStarted) return;
    hasStarted = true;
    send({ type: 'started', ...of });
  };

  const onUpdate = (update: EngineUpdate) => {
    if (stop.signal.aborted) return;
    markStarted();
    if (update.type === 'progress') progress.report(update);
    if (update.type !== 'text') return;
    for (let from = 0; from < update.text.length; from += TEXT_CHARACTERS_MAX) {
      const text = update.text.slice(from, from + TEXT_CHARACTERS_MAX);
      send({ type: 'text', ...of, index: texts.push(text) - 1, text });
    }
  };

  const execute = async (run: EngineRun): Promise<StoredOutput[]> => {
    const params = PARAMS[order.modality].safeParse(order.params);
    if (!params.success) {
      throw new EngineFailure(
        'invalidInput',
        `The parameters are not valid: ${params.error.message}`,
      );
    }
    const { signal } = stop;
    const inputs = await fetchInputs({ ...options, job: order.job, inputs: order.inputs, signal });
    const { model, modality, prompt, count } = order;
    const job = {
      id: order.job,
      attempt: order.attempt,
      model,
      modality,
      prompt,
      params: params.data,
      count,
      inputs,
    };
    const outputs = await run(job, onUpdate, signal);
    markStarted();
    return options.results.keep(key, outputs);
  };

  const deliver = async (kept: StoredOutput[], runMs: number) => {
    for (const stored of kept) await upload({ ...options, ...of, stored, signal: stop.signal });
    end({ type: 'finished', ...of, outputs: kept.map(({ told }) => told), runMs });
  };

  const start = async (run: EngineRun) => {
    if (stop.signal.aborted) return;
    phase = 'executing';
    const { timers } = seams;
    const startedAt = timers.now();
    const sentence = `The job took longer than its limit of ${Math.round(order.timeLimitMs / 1000)} s.`;
    const callOffs = [
      timers.after(order.timeLimitMs, () => stop.abort(new EngineFailure('timedOut', sentence))),
    ];
    // The report does not wait for an engine that ignores its signal; the GPU does.
    stop.signal.addEventListener('abort', () => {
      callOffs.push(timers.after(STOP_GRACE_MS, () => endWith(stop.signal.reason)));
    });
    try {
      const kept = await execute(run);
      stop.signal.throwIfAborted();
      phase = 'delivering';
      // The GPU is free from here on; the upload needs only the network.
      void deliver(kept, timers.now() - startedAt).catch(endWith);
    } catch (error) {
      endWith(stop.signal.aborted ? stop.signal.reason : error);
    } finally {
      for (const callOff of callOffs) callOff();
      if (isSilent) await options.results.forget(key).catch(() => {});
    }
  };

  return {
    key,
    order,
    start,
    fail: (code, message) => endWith(new EngineFailure(code, message)),
    cancel: () => {
      // A result that is already there wins: the runtime hears the same end again.
      if (report !== undefined) return send(report);
      stop.abort(CANCELLED);
      if (phase === 'waiting') endWith(CANCELLED);
    },
    abandon: () => {
      isSilent = true;
      progress.stop();
      stop.abort(CANCELLED);
    },
    repeat: () => {
      if (report === undefined && hasStarted) send({ type: 'started', ...of });
      for (const [index, text] of texts.entries()) send({ type: 'text', ...of, index, text });
      if (report === undefined) progress.repeat();
      else send(report);
    },
    isEnded: () => report !== undefined,
  };
}

const CANCELLED = new Error('cancelled');
