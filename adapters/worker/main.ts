// What `tessera worker` runs: the engines that are configured and one agent, until it is told to stop.
import { pino } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { startAgent } from './agent.ts';
import { BadEngines, readEngines, type EngineSources } from './config/engines-file.ts';
import { askGpus, cardUsedBytes, chooseCard, factsOf, type GpuCard } from './gpu.ts';
import { openHosts } from './supervision/hosts.ts';

export interface WorkerConfig {
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly folder: string;
  /** For what the engines say, and which of them run. */
  readonly enginesFolder: string;
  readonly engines: EngineSources;
  readonly slots: number;
  /** The card that is this worker's, by number or UUID; null: the first. */
  readonly gpu: string | null;
}

/**
 * Resolves with the reason when the worker has stopped and nothing of it is left running.
 * @param stopped may be aborted at any moment, also before the first engine is there
 * @throws BadEngines when what was configured cannot be
 */
export async function runWorker(config: WorkerConfig, stopped: AbortSignal): Promise<string> {
  // Data on stdout, talk on stderr.
  const log = pino(
    { name: 'worker', serializers: { error: pino.stdSerializers.err } },
    pino.destination(2),
  );
  const entries = readEngines(config.engines);
  const { cards } = await askGpus();
  const card = cardOf(cards, config.gpu);
  const hosts = await openHosts({
    entries,
    folder: config.enginesFolder,
    card,
    hasOtherCards: cards.length > 1,
    log,
  });
  const asked = new Promise<string>((resolve) => {
    const stop = () => resolve('The worker was stopped.');
    if (stopped.aborted) stop();
    else stopped.addEventListener('abort', stop, { once: true });
  });
  process.once('exit', hosts.abandon);
  try {
    await Promise.race([hosts.start(), asked]);
    const agent = startAgent({
      ...config,
      version: packageJson.version,
      gpu: card === null ? null : factsOf(card),
      hosts: hosts.all,
      ...(card !== null && { cardUsedBytes: cardUsedBytes(card) }),
      log,
    });
    const reason = await Promise.race([agent.closed, asked]);
    await agent.close();
    return reason;
  } finally {
    await hosts.stop();
    process.off('exit', hosts.abandon);
  }
}

function cardOf(cards: readonly GpuCard[], wanted: string | null): GpuCard | null {
  const card = chooseCard(cards, wanted);
  if (card !== undefined || wanted === null) return card ?? null;
  const known = cards.map(({ index, uuid, name }) => `${index} (${name}, ${uuid})`).join(', ');
  throw new BadEngines([
    `TESSERA_GPU names no graphics card of this machine. It has ${known || 'none that nvidia-smi shows'}.`,
  ]);
}
