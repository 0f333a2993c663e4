// The thread of one model: loads it, then works off jobs until it is ended. Heavy loops live here, so
// that the agent keeps beating.
import { parentPort, workerData } from 'node:worker_threads';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../../machines/contract/failures.ts';
import { Cancelled, type Craft } from './craft.ts';
import { CRAFTS } from './crafts.ts';

export interface ThreadJob {
  readonly job: EngineJob;
  /** One number shared with the engine; anything but 0 means stop. A loop cannot read messages. */
  readonly stopFlag: Int32Array;
}

export type ThreadMessage =
  | { readonly type: 'ready'; readonly bytes: number }
  | { readonly type: 'update'; readonly update: EngineUpdate }
  | { readonly type: 'done'; readonly outputs: EngineOutput[] }
  | { readonly type: 'cancelled' }
  | { readonly type: 'failed'; readonly code: FailureCode; readonly message: string };

const port = parentPort;
if (port === null) throw new Error('thread.ts is started by room.ts as a worker thread.');
const tell = (message: ThreadMessage) => port.postMessage(message);

const load = CRAFTS[(workerData as { model: string }).model];
if (load === undefined)
  throw new Error('The engine started a thread for a model it does not have.');

const work = async (craft: Craft, { job, stopFlag }: ThreadJob) => {
  try {
    const outputs = await craft.run(job, {
      report: (update) => tell({ type: 'update', update }),
      check: () => {
        if (Atomics.load(stopFlag, 0) !== 0) throw new Cancelled();
      },
    });
    tell({ type: 'done', outputs });
  } catch (error) {
    if (error instanceof Cancelled) return tell({ type: 'cancelled' });
    const code = error instanceof EngineFailure ? error.code : 'engineError';
    tell({ type: 'failed', code, message: error instanceof Error ? error.message : String(error) });
  }
};

const craft = await load();
port.on('message', (message: ThreadJob) => void work(craft, message));
tell({ type: 'ready', bytes: craft.bytes });
