// Seeds that found a bug which has since been mended: they have to stay clean. The same seed may tell another
// story after a change of the code or of the simulation, so what each found is said in words.
import { afterAll, expect, test } from 'vitest';
import { Pool } from './pool.ts';
import { NO_LIMITS } from './limits.ts';

const FOUND: readonly { readonly seed: number; readonly what: string }[] = [
  { seed: 2, what: 'an account was parked for what was computed on an old copy of it' },
  { seed: 4, what: 'two events of one batch parked the same account, and the store refused both' },
  { seed: 11, what: 'what was committed while a runtime took its first view was never assigned' },
  { seed: 13, what: 'a job stayed decided on when its assignment had changed nothing' },
  {
    seed: 23,
    what: 'a job that another runtime had told of was forgotten with a lost repeat of it',
  },
  {
    seed: 38,
    what: 'an attempt that was settled after it was ordered anew kept its slot for ever, also called off',
  },
  { seed: 46, what: 'an assignment on a batch that did not come about was not decided anew' },
  {
    seed: 504,
    what: 'a stale read hid behind a turn of the same actor, and its account was parked',
  },
  { seed: 58, what: 'a late repeat of a failure ended the next attempt of the same name' },
  {
    seed: 143,
    what: 'a hello that was committed late undid a later one, and slots were filled twice',
  },
  { seed: 269, what: 'jobs were never read when the store was away as the lease came' },
  {
    seed: 297,
    what: 'a runtime that had not read the waiting jobs yet gave work to those who came later',
  },
  {
    seed: 609,
    what: 'the check counted a run whose model had failed to load, until its agent was told',
  },
  { seed: 1161, what: 'the check believed in an end of a job that was lost in the same commit' },
  { seed: 671, what: 'the check counted the difference of a plan to the day after it' },
];

const pool = new Pool(null, 2);
afterAll(() => pool.close());

test.each(FOUND)(
  'seed $seed: $what',
  async ({ seed }) => {
    const { violation } = await pool.run({ seed, limits: NO_LIMITS, isTold: false });
    expect(violation).toBeNull();
  },
  60_000,
);
