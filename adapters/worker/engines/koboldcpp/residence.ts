// Which model lives in the server. A switch ends its process and starts another: it is accepted at once, the old
// process answers on for a second or two, then nobody does, then the new one. What could not be loaded is replaced
// in silence by what the server was started with, so only what answers in the end counts.
import { z } from 'zod';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Timers } from '../../seams.ts';
import { pause } from '../../seams.ts';
import { CAPABILITY, type KoboldModel } from './catalogue.ts';
import { isGone, type KoboldClient } from './client.ts';

const version = z.looseObject({
  result: z.string(),
  /** 0: no switching, 1: open to all, 2: with a password. */
  admin: z.number().default(0),
  llm: z.boolean().default(false),
  tts: z.boolean().default(false),
  transcribe: z.boolean().default(false),
  txt2img: z.boolean().default(false),
});
export type KoboldVersion = z.infer<typeof version>;

const perf = z.looseObject({ uptime: z.number() });
const answer = z.looseObject({ result: z.string() });
const count = z.looseObject({ value: z.number().int() });
const accepted = z.looseObject({ success: z.boolean() });

export interface Residence {
  /** Who is there and what can it do? Throws where it is not KoboldCPP, or where nobody answers. */
  version(signal?: AbortSignal): Promise<KoboldVersion>;
  /** Files that can be switched to; empty where switching is off or the admin password is wrong. */
  files(): Promise<readonly string[]>;
  /** Resolves when this model answers; switches where another does. */
  bring(model: KoboldModel, signal: AbortSignal): Promise<void>;
  isThere(model: KoboldModel, signal?: AbortSignal): Promise<boolean>;
  /** Ends the process that holds the memory; the next one holds no model. */
  free(): Promise<void>;
  /** The same models in a new process: the only way to stop what cannot be aborted. */
  renew(): Promise<void>;
  /** A switch is under way: whoever does not answer now has not crashed. */
  isSwitching(): boolean;
}

export interface ResidenceOptions {
  readonly client: KoboldClient;
  readonly timers: Timers;
  readonly url: string;
  readonly loadTimeoutMs: number;
}

const POLL_MS = 250;
const LAUNCHED = 'initial_model';
const NOTHING = 'unload_model';

export function createResidence(options: ResidenceOptions): Residence {
  const { client, timers } = options;
  /** The last switch of ours; before it, the server has what it was started with. */
  let current = LAUNCHED;
  /** A switch goes on when its caller has left; nobody may mistake the dying process for the new one. */
  let underWay: Promise<void> | null = null;

  const who = async (signal?: AbortSignal): Promise<KoboldVersion> => {
    const found = await client.ask({ path: '/api/extra/version', schema: version, signal });
    if (found.result === 'KoboldCpp') return found;
    throw new EngineFailure(
      'engineUnreachable',
      `At ${options.url} answers something that is not KoboldCPP.`,
    );
  };

  const isThere = async (model: KoboldModel, signal?: AbortSignal): Promise<boolean> => {
    const flags = await who(signal);
    if (!flags[CAPABILITY[model.modality]]) return false;
    const expected = nameOf(model);
    if (expected === null && current !== LAUNCHED) return false;
    if (expected !== null) {
      const { result } = await client.ask({ path: '/api/v1/model', schema: answer, signal });
      if (result === HIDDEN) throw new EngineFailure('engineUnreachable', NO_PASSWORD);
      if (result.replace(/^koboldcpp\//, '') !== expected) return false;
    }
    if (model.modality !== 'text' || model.of.contextTokens === undefined) return true;
    const context = await client.ask({ path: CONTEXT_PATH, schema: count, signal });
    return context.value === model.of.contextTokens;
  };

  const switchTo = async (file: string): Promise<void> => {
    const startedAt = timers.now();
    const elapsedMs = () => timers.now() - startedAt;
    const before = await client.ask({ path: '/api/extra/perf', schema: perf });
    const { success } = await client.ask({
      path: '/api/admin/reload_config',
      body: { filename: file },
      schema: accepted,
      asAdmin: true,
    });
    if (!success) throw new EngineFailure('modelLoadFailed', REFUSED(file));
    current = file;
    let wasGone = false;
    while (elapsedMs() < options.loadTimeoutMs) {
      await pause(timers, POLL_MS, never);
      const uptime = await client.ask({ path: '/api/extra/perf', schema: perf }).then(
        (now) => now.uptime,
        () => null,
      );
      if (uptime === null) wasGone = true;
      // Old until proven new: a process that was only slow to answer is as old as before, and older.
      else if (uptime < before.uptime || (wasGone && uptime <= elapsedMs() / 1000 + 1)) return;
    }
    throw new EngineFailure(
      'modelLoadFailed',
      `KoboldCPP did not come back within ${Math.round(options.loadTimeoutMs / 1000)} s of switching to ${file}.`,
    );
  };

  const begin = (file: string): Promise<void> => {
    const work = switchTo(file).finally(() => {
      underWay = null;
    });
    underWay = work;
    return work;
  };

  /** Rejects with the signal's reason at once; what is under way goes on. */
  const orLeave = (work: Promise<void>, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const leave = () => reject(signal.reason);
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });

  const settled = async (signal: AbortSignal) => {
    if (underWay)
      await orLeave(
        underWay.catch(() => undefined),
        signal,
      );
  };

  const files = () =>
    client.ask({ path: '/api/admin/list_options', schema: z.array(z.string()), asAdmin: true });

  return {
    version: who,
    files,
    isThere: async (model, signal) => {
      await settled(signal ?? never);
      return isThere(model, signal);
    },
    bring: async (model, signal) => {
      await settled(signal);
      if (await isThere(model, signal)) return;
      const file = model.of.file ?? LAUNCHED;
      const known = await files();
      if (!known.includes(file)) {
        if (known.length === 0) throw new EngineFailure('modelLoadFailed', NO_ADMIN);
        throw new EngineFailure('modelMissing', `KoboldCPP's admin folder has no file ${file}.`);
      }
      await orLeave(begin(file), signal);
      if (await isThere(model, signal)) return;
      throw new EngineFailure(
        'modelLoadFailed',
        `KoboldCPP could not load ${file} and has another model now, or none. Its log says why.`,
      );
    },
    free: async () => {
      await settled(never);
      try {
        const { admin } = await who();
        if (admin === 0) throw new EngineFailure('unsupported', NO_ADMIN);
        await begin(NOTHING);
      } catch (error) {
        // No process, nothing to free.
        if (!isGone(error)) throw error;
      }
    },
    renew: async () => {
      await settled(never);
      await begin(current);
    },
    isSwitching: () => underWay !== null,
  };
}

export const CONTEXT_PATH = '/api/extra/true_max_context_length';
const never = new AbortController().signal;

const NO_ADMIN =
  'KoboldCPP does not let models be switched: start it with --admin and --admindir, and give its admin password.';
/** The name of every model to those without the password. */
const HIDDEN = 'koboldcpp/protected-model';
const NO_PASSWORD =
  'KoboldCPP wants a password; set `password` in the settings of this engine to the right one.';
const REFUSED = (file: string) =>
  `KoboldCPP refused to switch to ${file}: it is not in its admin folder, or the admin password is wrong.`;

/** What the server calls the model once it is there; null where nobody said. */
function nameOf({ of }: KoboldModel): string | null {
  if (of.answersAs !== undefined) return of.answersAs;
  if (!of.file?.endsWith('.gguf')) return null;
  const stem = of.file.split('/').at(-1)!.slice(0, -'.gguf'.length);
  // It leaves out what is no letter, digit, dot, dash or underscore.
  return stem.replaceAll(/[^\p{L}\p{N}_.-]/gu, '');
}
