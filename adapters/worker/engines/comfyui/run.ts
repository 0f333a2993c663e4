// One result: a graph is submitted, followed to its end, and its files are fetched.
import type {
  EngineJob,
  EngineOutput,
  EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { ServerEvent } from './events.ts';
import { freeMemory } from './memory.ts';
import { collect, ReusedFileGone, type Collecting } from './outputs.ts';
import { createProgress } from './progress.ts';
import { discard, follow, submit, type Server } from './prompt.ts';
import type { ComfyuiSettings } from './settings.ts';
import { openStream, type StreamOptions } from './stream.ts';
import { verdictOf } from './verdicts.ts';
import type { Graph } from './workflow.ts';

export interface RunOptions {
  readonly server: Server;
  readonly settings: ComfyuiSettings;
  readonly openSocket: StreamOptions['openSocket'];
  readonly uuid: () => string;
  readonly job: EngineJob;
  readonly graph: Graph;
  readonly facts: EngineOutput['facts'];
  readonly report: (update: EngineUpdate) => void;
  readonly signal: AbortSignal;
}

export async function runGraph(options: RunOptions): Promise<EngineOutput[]> {
  try {
    return await runOnce(options);
  } catch (error) {
    if (!(error instanceof ReusedFileGone)) throw error;
    // Its memory of what it has made is emptied, so that it makes it again. Not a second try: nothing ran.
    await freeMemory(options.server);
    return runOnce(options);
  }
}

async function runOnce(options: RunOptions): Promise<EngineOutput[]> {
  const { server, settings, job, graph, facts, signal } = options;
  // Lower-case version 4: the only form that every version of the server takes.
  const [ours, clientId] = [options.uuid(), options.uuid()];
  const watch = watchEvents(options, () => id);
  let id = ours;
  const stream = openStream({
    url: settings.url,
    clientId,
    openSocket: options.openSocket,
    timers: server.timers,
    wantsPreviews: settings.previews,
    onEvent: watch.onEvent,
  });
  try {
    await stream.opened;
    signal.throwIfAborted();
    id = await submit(server, graph, { id: ours, clientId });
    try {
      const entry = await follow(server, id, watch, signal);
      const failure = verdictOf(entry);
      if (failure !== null) throw failure;
      const collecting: Collecting = {
        client: server.client,
        bytesMax: settings.outputBytesMax,
        ...{ job, facts, signal },
      };
      return await collect(entry, collecting);
    } catch (error) {
      // Whatever went wrong, nothing of ours stays at work there.
      await discard(server, id);
      throw signal.aborted ? signal.reason : error;
    }
  } finally {
    stream.close();
  }
}

/** Turns the server's events into reports; the first sign of work is `started`. */
function watchEvents({ graph, report, settings }: RunOptions, idOf: () => string) {
  const progress = createProgress(graph);
  let isRunning = false;
  let isWoken = false;
  let resume = () => {};
  // Also when nobody waits at the moment: what is being looked at then may be of before.
  const wake = () => {
    isWoken = true;
    resume();
  };
  const onRunning = () => {
    if (isRunning) return;
    isRunning = true;
    report({ type: 'started' });
  };
  const tell = (preview?: { mediaType: string; bytes: Uint8Array }) =>
    report({ type: 'progress', ...progress.now(), ...(preview && { preview }) });

  const onEvent = (event: ServerEvent) => {
    if (event.type === 'status') return;
    // One prompt runs at a time: what carries no id belongs to ours while ours runs, and else to somebody else.
    if (event.id === null ? !isRunning : event.id !== idOf()) return;
    if (event.type === 'ended' || (event.type === 'executing' && event.node === null))
      return wake();
    if (event.type === 'preview') {
      if (settings.previews) tell({ mediaType: event.mediaType, bytes: event.bytes });
      return;
    }
    onRunning();
    if (event.type === 'cached') return progress.cached(event.nodes);
    if (event.type === 'executing') progress.executing(event.node!);
    if (event.type === 'progress') progress.progressed(event.nodes);
    tell();
  };
  const nudge = async () => {
    if (!isWoken) await new Promise<void>((resolve) => (resume = resolve));
    isWoken = false;
  };
  return { onEvent, onRunning, nudge };
}
