// What became of the day: every job ended, none "done" without its result, the card never over its memory, the
// money exact.
import type { TesseraClient } from '../../adapters/client/http.ts';
import type { SimulatedCard } from './card.ts';
import type { CardEngine } from './engine-on-card.ts';
import type { Lived } from './people.ts';

export interface Report {
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly mishaps: Readonly<Record<string, number>>;
  readonly card: Readonly<Record<string, string | number>>;
  /** What must not be; empty on a good day. */
  readonly violations: readonly string[];
}

/** How a file of each modality begins, or what it holds. */
const LOOKS_RIGHT: Readonly<Record<string, (bytes: Buffer) => boolean>> = {
  image: (bytes) => bytes.subarray(1, 4).toString() === 'PNG',
  video: (bytes) => bytes.length > 100,
  text: (bytes) => bytes.toString().trim().length > 0,
  audio: (bytes) => bytes.subarray(0, 4).toString() === 'RIFF' && bytes.length > 1_000,
  transcript: (bytes) => bytes.length > 0,
};

/** Priced as a whole, and so charged. Of the others what came is charged, up to the price. */
const WHOLE: ReadonlySet<string> = new Set(['image']);

function isDueFor({ modality, state, cost }: Lived['job'], charged: number): boolean {
  if (state === 'succeeded')
    return WHOLE.has(modality)
      ? charged === cost.millitokens
      : charged > 0 && charged <= cost.millitokens;
  // A run that a person stops is paid by its time, once its grace is over; nothing else is.
  return state === 'cancelled' ? charged <= cost.millitokens : charged === 0;
}

export async function judge(
  client: TesseraClient,
  people: number,
  lived: readonly Lived[],
  card: SimulatedCard,
  engines: readonly CardEngine[],
  mishaps: ReadonlyMap<string, number>,
): Promise<Report> {
  const violations: string[] = [];
  const must = (isSo: boolean, sentence: string) => void (isSo || violations.push(sentence));
  const spentBy = new Map<number, number>();
  for (const [n, { job, wasCancelled }] of lived.entries()) {
    must(job.phase === 'settled', `${job.id} (${job.model}) is still ${job.state}/${job.phase}`);
    if (job.state === 'cancelled') must(wasCancelled, `${job.id} was cancelled by nobody`);
    const charged = job.cost.charged_millitokens ?? 0;
    const isDone = job.state === 'succeeded';
    must(
      isDueFor(job, charged),
      `${job.id}: ${job.state}, ${charged} of ${job.cost.millitokens} mt`,
    );
    spentBy.set(1 + (n % people), (spentBy.get(1 + (n % people)) ?? 0) + charged);
    if (!isDone) continue;
    must(job.outputs.length === job.count, `${job.id} has ${job.outputs.length} results`);
    const person = client.actingFor(`telegram:${1 + (n % people)}`);
    for (const { url, bytes } of job.outputs) {
      const file = Buffer.from(await (await person.output(url)).arrayBuffer());
      must(file.length === bytes, `${job.id}: ${file.length} of ${bytes} bytes`);
      must(LOOKS_RIGHT[job.modality]!(file), `${job.id} (${job.model}): not a result`);
    }
  }
  for (const [person, spent] of spentBy) {
    const account = await client.actingFor(`telegram:${person}`).account();
    must(account.held_millitokens === 0, `telegram:${person} has tokens held`);
    const left = account.daily_grant_millitokens - account.available_millitokens;
    must(left === spent, `telegram:${person} paid ${left}, not ${spent}`);
  }
  must(card.overruns === 0, `${card.overruns} loads did not fit on the card`);
  must(card.mostBytes <= card.totalBytes, 'the card held more than it has');
  return {
    rows: rowsOf(lived),
    mishaps: Object.fromEntries([...mishaps].sort()),
    card: {
      'most used, GB': (card.mostBytes / 1024 ** 3).toFixed(1),
      'loads per 100 jobs': Math.round((card.loads / lived.length) * 100),
      'restarts asked for': engines.reduce((sum, engine) => sum + engine.restarts(), 0),
    },
    violations,
  };
}

function rowsOf(lived: readonly Lived[]): Readonly<Record<string, string | number>>[] {
  const models = [...new Set(lived.map(({ job }) => job.model))].sort();
  return models.map((model) => {
    const own = lived.filter(({ job }) => job.model === model).map(({ job }) => job);
    const count = (state: string) => own.filter((job) => job.state === state).length;
    const codes = own.flatMap(({ failure }) => (failure ? [failure.code] : []));
    return {
      ...{ model, jobs: own.length, succeeded: count('succeeded') },
      ...{ cancelled: count('cancelled'), failed: count('failed'), expired: count('expired') },
      'second attempts': own.filter(({ attempt }) => attempt > 1).length,
      why: [...new Set(codes)].join(', '),
    };
  });
}
