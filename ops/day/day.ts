// A day on one card: five modalities, four engines that crash, hang, run out of memory and lose the card, people
// who come and change their minds. The runtime is a process of its own on a real PostgreSQL; the agent, its arbiter
// and the adapters are the real ones, in here; the servers and the card are simulated.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { createClient, type TesseraClient } from '../../adapters/client/http.ts';
import { startAgent } from '../../adapters/worker/agent.ts';
import { freePort } from '../../db/embedded/server-process.ts';
import { migrate } from '../../db/migrate.ts';
import { issueKey } from '../cli/issue-key.ts';
import { REPOSITORY } from '../cli/home.ts';
import { dice, type Dice } from '../crash/dice.ts';
import { KeptPostgres } from '../crash/kept-postgres.ts';
import { KeptProcess } from '../crash/kept-process.ts';
import { cleanEnvironment } from '../testing.ts';
import { SimulatedCard } from './card.ts';
import { openHouse, type House } from './house.ts';
import { live, patiently, wishOf, type Lived } from './people.ts';
import { judge, type Report } from './report.ts';

export interface DayOptions {
  readonly folder: string;
  readonly seed: number;
  readonly jobs: number;
  /** Between two wishes, on average. */
  readonly everyMs: number;
  /** Between two mishaps, on average. */
  readonly mishapEveryMs: number;
  /** Then there is peace: on a slow computer the same mishaps would leave no time to work. */
  readonly mishapsMax: number;
  /** Mishaps that take a minute each until the watchdog acts. */
  readonly hasHangs: boolean;
  readonly minutesMax: number;
  readonly said: (line: string) => void;
}

const PEOPLE = 40;
const SLOTS = 2;
const RECORDING = join(
  REPOSITORY,
  ...['adapters', 'worker', 'engines', 'whisper', 'media', 'two-second.wav'],
);

export async function liveDay(options: DayOptions): Promise<Report> {
  const { folder, seed, jobs, everyMs } = options;
  const chance = dice(seed);
  const card = new SimulatedCard();
  const house = await openHouse(card);
  const place = await openPlace(folder);
  const agent = startAgent({
    ...{ url: place.url, key: place.workerKey, name: 'day', version: 'day', slots: SLOTS },
    folder: join(folder, 'agent'),
    gpu: { name: 'simulated 16 GB', vramBytes: card.totalBytes },
    cardUsedBytes: () => Promise.resolve(card.usedBytes),
    hosts: house.engines,
    log: pino({ name: 'agent' }, pino.destination(join(folder, 'agent.log'))),
  });
  const over = new AbortController();
  const patience = setTimeout(() => over.abort(), options.minutesMax * 60_000);
  const mishaps = beMischievous(house, chance.split('mishaps'), options, over.signal);
  try {
    await untilOffered(place.client);
    const lives: Promise<Lived>[] = [];
    for (let n = 0; n < jobs; n++) {
      const person = place.client.actingFor(`telegram:${1 + (n % PEOPLE)}`);
      const recording = await patiently(
        () => person.uploadBlob(new Uint8Array(readFileSync(RECORDING)), 'audio/wav'),
        over.signal,
      );
      const own = chance.split(`job ${n}`);
      lives.push(live(person, wishOf(own, recording.id), own, over.signal));
      await delay(chance.next() * 2 * everyMs);
    }
    const lived = await Promise.all(lives);
    over.abort();
    return await judge(place.client, PEOPLE, lived, card, house.engines, await mishaps);
  } finally {
    clearTimeout(patience);
    over.abort();
    await mishaps;
    await agent.close();
    await place.close();
    await house.close();
  }
}

/** One mishap after the other until the day is over. @returns how often what happened */
async function beMischievous(
  house: House,
  chance: Dice,
  { mishapEveryMs, mishapsMax, hasHangs, said }: DayOptions,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const deck: readonly (readonly [string, () => void | Promise<void>])[] = [
    ...house.engines.map(
      (engine) => [`${engine.name} dies`, () => engine.die('its process died')] as const,
    ),
    [
      'the card is lost',
      async () => {
        await Promise.all(house.engines.map((engine) => engine.die('it lost the graphics card')));
      },
    ],
    ...Object.entries(house.troubles).filter(([name]) => hasHangs || !name.endsWith('hangs')),
  ];
  for (let n = 0; n < mishapsMax; n += 1) {
    await delay(chance.next() * 2 * mishapEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) break;
    const [name, happen] = chance.pick(deck);
    said(name);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    await happen();
  }
  return counts;
}

interface Place {
  readonly url: string;
  readonly client: TesseraClient;
  readonly workerKey: string;
  close(): Promise<void>;
}

/** A database and a runtime. */
async function openPlace(folder: string): Promise<Place> {
  const postgres = await KeptPostgres.start(join(folder, 'postgres'));
  await migrate(postgres.url);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const runtime = new KeptProcess({
    ...{ name: 'runtime', log: join(folder, 'runtime.log') },
    onUnbidden: (sentence) => console.error(sentence),
    command: [join(REPOSITORY, 'ops', 'cli', 'main.ts'), 'runtime'],
    env: cleanEnvironment({
      ...{ DATABASE_URL: postgres.url, PORT: String(port), LOG_LEVEL: 'warn' },
      TESSERA_HOME: join(folder, 'home'),
    }),
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
  });
  runtime.start();
  await runtime.whenUp();
  const keyOf = (kind: 'worker' | 'frontend') =>
    issueKey(postgres.url, {
      ...{ kind, name: 'day', account: null },
      platform: kind === 'frontend' ? 'telegram' : null,
    });
  const { key } = await keyOf('frontend');
  return {
    url,
    client: createClient({ baseUrl: url, key }),
    workerKey: (await keyOf('worker')).key,
    async close() {
      await runtime.close();
      await postgres.close();
    },
  };
}

async function untilOffered(client: TesseraClient): Promise<void> {
  while ((await client.models()).data.length < 7) await delay(50);
}
