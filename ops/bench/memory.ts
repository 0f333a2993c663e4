// What a waiting job and an idle account cost in memory: the same process before and after, the garbage
// collected both times.
import { fork } from 'node:child_process';
import { migrate } from '../../db/migrate.ts';
import type { Server } from './database.ts';
import { settings } from './settings.ts';

export interface MemoryTask {
  readonly url: string;
  readonly what: 'waiting' | 'accounts';
  readonly count: number;
}
export interface MemoryReply {
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export async function measureMemory(server: Server): Promise<object> {
  const { waiting, accounts } = settings.memory;
  return {
    'waiting job': await measure(server, 'waiting', waiting),
    'idle account': await measure(server, 'accounts', accounts),
  };
}

const measure = (server: Server, what: MemoryTask['what'], count: number): Promise<object> =>
  server.inFreshDatabase('memory', async (url) => {
    await migrate(url);
    const file = new URL('memory-process.ts', import.meta.url);
    const child = fork(file, { execArgv: ['--expose-gc'], stdio: 'inherit' });
    const { heapBytes, residentBytes } = await new Promise<MemoryReply>((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`The process ended with ${code}.`)));
      child.send({ url, what, count } satisfies MemoryTask);
    });
    const each = (bytes: number) => Math.round(bytes / count);
    return { count, 'heap bytes each': each(heapBytes), 'RSS bytes each': each(residentBytes) };
  });
