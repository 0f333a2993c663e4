// Waiting for the moment a person can use it: the port is free at the start, the runtime answers, and
// a worker offers something to make.
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

const LOOK_AGAIN_MS = 200;
const ANSWER_WITHIN_MS = 5_000;
const modelList = z.looseObject({ data: z.array(z.looseObject({ status: z.string() })) });

/** Asks the system itself, before anything is started. */
export async function assertPortIsFree(host: string, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portProblem(error, port)));
    server.listen({ host, port, exclusive: true }, resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

function portProblem(error: NodeJS.ErrnoException, port: number): Error {
  const otherPort = port === 65_535 ? port - 1 : port + 1;
  const advice = `Choose another one, such as PORT=${otherPort}.`;
  if (error.code === 'EADDRINUSE') {
    return new Error(`Port ${port} is already used by another program. ${advice}`, {
      cause: error,
    });
  }
  if (error.code === 'EACCES') {
    return new Error(`Port ${port} needs more rights than this user has. ${advice}`, {
      cause: error,
    });
  }
  return error;
}

/** Resolves when the runtime takes calls; rejects only when `signal` is aborted. */
export async function untilAnswering(address: string, signal: AbortSignal): Promise<void> {
  while (!(await answers(`${address}/readyz`, signal))) await pause(signal);
}

/** Resolves when a worker offers something to make; rejects only when `signal` is aborted. */
export async function untilOffering(address: string, signal: AbortSignal): Promise<void> {
  while (!(await offersModel(address, signal))) await pause(signal);
}

const pause = (signal: AbortSignal): Promise<void> => delay(LOOK_AGAIN_MS, undefined, { signal });

async function answers(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await ask(url, signal);
  await response?.body?.cancel();
  return response?.ok === true;
}

async function offersModel(address: string, signal: AbortSignal): Promise<boolean> {
  const response = await ask(`${address}/v1/models`, signal);
  if (response === null || !response.ok) return false;
  const list = modelList.safeParse(await response.json().catch(() => null));
  return list.success && list.data.data.some((model) => model.status !== 'offline');
}

async function ask(url: string, signal: AbortSignal): Promise<Response | null> {
  try {
    return await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
