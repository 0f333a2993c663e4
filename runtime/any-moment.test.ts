// Whatever happens at whatever moment to one job or one worker: every other job still runs, nobody is charged
// twice, and nothing is left set aside. Every moment between two frames of a small shop is tried.
import { describe, expect, test } from 'vitest';
import { jobRef, workerRef } from '../machines/contract/ids.ts';
import { Random } from '../ops/simulation/random.ts';
import { COST_MT, JOBS, Shop, type Mishap } from './shop-testing.ts';

const lived = async (mishaps?: ReadonlyMap<number, Mishap>): Promise<Shop> => {
  const shop = new Shop(mishaps);
  await shop.live();
  return shop;
};

/** @returns what is wrong, as sentences; nothing when all is well */
function complaints(shop: Shop, cancelled: readonly string[] = []): string[] {
  const { charged, heldMt } = shop.books();
  const wrong: string[] = [];
  for (const { id } of JOBS) {
    const state = shop.stateOf(id) ?? 'unknown';
    const isWell = state === 'succeeded' || (state === 'cancelled' && cancelled.includes(id));
    if (!isWell) wrong.push(`${id} is ${state}`);
    const due = state === 'succeeded' ? COST_MT : 0;
    if ((charged[id] ?? 0) !== due) wrong.push(`${id} (${state}) was charged ${charged[id]}`);
  }
  if (heldMt !== 0) wrong.push(`${heldMt} are still held`);
  for (const { id } of shop.agents)
    if (shop.slotsOf(id).length > 0) wrong.push(`${id} still has ${shop.slotsOf(id).join()}`);
  return wrong;
}

/** @param prepare called for each moment: what befalls the shop then, and what is looked for at its end */
async function atEveryMoment(
  prepare: () => { readonly mishap: Mishap; readonly look: (shop: Shop) => string[] },
): Promise<string[]> {
  const { frames } = await lived();
  const found: string[] = [];
  for (let moment = 1; moment <= frames; moment++) {
    const { mishap, look } = prepare();
    const shop = await lived(new Map([[moment, mishap]]));
    found.push(...look(shop).map((sentence) => `after frame ${moment}: ${sentence}`));
  }
  return found;
}

const cancel =
  (id: string): Mishap =>
  ({ core }) => {
    const { accountId } = JOBS.find((job) => job.id === id)!;
    void core.turns.post(jobRef(accountId, id), { type: 'job.cancelRequested' });
  };

/** For a while: work that only it can do has to wait for that long. */
const drain =
  (worker: string): Mishap =>
  ({ core, clock }) => {
    void core.turns.post(workerRef(worker), { type: 'worker.drainRequested' });
    void clock
      .sleep(20_000)
      .then(() => core.turns.post(workerRef(worker), { type: 'worker.resumeRequested' }));
  };

test('undisturbed, every job runs once and is charged once', async () => {
  const shop = await lived();
  expect(complaints(shop)).toEqual([]);
  const given = shop.agents.flatMap((agent) => agent.given);
  expect(given.toSorted()).toEqual(JOBS.map(({ id }) => id).toSorted());
  expect(shop.frames).toBeGreaterThan(60);
});

describe('at every moment', () => {
  test.each(['job_pro_1', 'job_heavy_2'])(
    '%s is cancelled',
    async (id) => {
      const look = (shop: Shop) => complaints(shop, [id]);
      expect(await atEveryMoment(() => ({ mishap: cancel(id), look }))).toEqual([]);
    },
    120_000,
  );

  test('a worker is drained: it finishes what it has, and is given nothing more', async () => {
    const found = await atEveryMoment(() => {
      let had: readonly string[] = [];
      let given = Infinity;
      const mishap: Mishap = ({ core, agents: [, small], slotsOf }) =>
        void core.turns
          .post(workerRef(small!.id), { type: 'worker.drainRequested' })
          // Before its first hello nobody knows it.
          .then(({ ok, ...outcome }) => {
            if (ok && 'actor' in outcome && outcome.actor)
              [had, given] = [slotsOf(small!.id), small!.given.length];
          });
      const look = (shop: Shop) => {
        const late = shop.agents[1]!.given.slice(given).filter((id) => !had.includes(id));
        return [...complaints(shop), ...late.map((id) => `${id} was given to one that drains`)];
      };
      return { mishap, look };
    });
    expect(found).toEqual([]);
  }, 120_000);

  test.each([
    ['for a moment', 500],
    ['for longer than its lease', 60_000],
  ])(
    'the line of a worker breaks %s',
    async (_, backInMs) => {
      const mishap: Mishap = ({ agents }) => agents[0]!.cut(backInMs);
      expect(await atEveryMoment(() => ({ mishap, look: complaints }))).toEqual([]);
    },
    120_000,
  );

  test('a worker dies, and comes back knowing nothing', async () => {
    const mishap: Mishap = ({ agents }) => agents[0]!.crash(3_000);
    expect(await atEveryMoment(() => ({ mishap, look: complaints }))).toEqual([]);
  }, 120_000);
});

const SEEDS = 40;

test(`several things in one day, ${SEEDS} times`, async () => {
  const found: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = new Random(seed);
    const cancelled = [random.pick(JOBS).id, random.pick(JOBS).id];
    const drained = random.pick(['wrk_large', 'wrk_small']);
    const moments = new Map<number, Mishap>();
    const befall = (moment: number, mishap: Mishap): void => {
      const before = moments.get(moment);
      moments.set(moment, (shop) => (before?.(shop), mishap(shop)));
    };
    for (const id of cancelled) befall(random.integer(1, 80), cancel(id));
    befall(random.integer(1, 60), drain(drained));
    for (let n = 0; n < 2; n++) {
      const backInMs = random.logarithmic(100, 60_000);
      const worker = random.integer(0, 1);
      befall(random.integer(1, 80), ({ agents }) => agents[worker]!.cut(backInMs));
      // Of one worker only: a job that takes down two of them is to blame for it.
      befall(random.integer(1, 80), ({ agents }) => agents[0]!.crash(backInMs));
    }
    const wrong = complaints(await lived(moments), cancelled);
    found.push(...wrong.map((sentence) => `seed ${seed}: ${sentence}`));
  }
  expect(found).toEqual([]);
}, 120_000);
