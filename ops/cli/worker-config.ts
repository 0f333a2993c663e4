// What `tessera worker` is told by its environment. The runtime's own settings are in runtime/config.ts.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { WorkerConfig } from '../../adapters/worker/main.ts';
import { homeOf } from './home.ts';
import { Misuse } from './misuse.ts';

const isRuntimeUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);

export const workerEnvironment = z.object({
  TESSERA_URL: z
    .string()
    .refine(isRuntimeUrl, 'must be the address of the runtime, such as http://localhost:8000')
    .default('http://localhost:8000'),
  TESSERA_WORKER_KEY: z
    .string({ error: 'is not set. Make a key with `tessera key create --kind worker`' })
    .regex(/^tsr_worker_/, 'must be a key of kind worker (tessera key create --kind worker)'),
  TESSERA_WORKER_NAME: z.string().min(1).max(100).default(hostname().slice(0, 100)),
  TESSERA_WORKER_SLOTS: z.coerce
    .number('must be a whole number from 1 to 64')
    .int('must be a whole number from 1 to 64')
    .min(1, 'must be at least 1')
    .max(64, 'must be at most 64')
    .default(1),
});

export function readWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  // An empty value means the same as none: that is how env files switch a setting off.
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = workerEnvironment.safeParse(set);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}.`);
    throw new Misuse(reasons.join('\n'));
  }
  const { data } = parsed;
  // Results that wait for their acknowledgement lie there; two agents must not share it.
  const folder = join(homeOf(env).worker, data.TESSERA_WORKER_NAME.replaceAll(/[^\w.-]/g, '_'));
  return {
    url: data.TESSERA_URL,
    key: data.TESSERA_WORKER_KEY,
    name: data.TESSERA_WORKER_NAME,
    slots: data.TESSERA_WORKER_SLOTS,
    folder,
  };
}
