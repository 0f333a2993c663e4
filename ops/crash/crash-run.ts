// One run: set the stage, let customers in, deal mischief, heal, wait until all has come to rest, judge.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { judge, type Violation } from './checker.ts';
import { assemble, newestSeqs, readBooks, stillOnItsWay, withDatabase } from './collect.ts';
import { dice, type Dice } from './dice.ts';
import type { ActorRow, Evidence } from './evidence.ts';
import { History } from './history.ts';
import { House } from './house.ts';
import { isKill, nameOf, play, shuffled, type Card } from './mischief.ts';
import { setStage, type Stage } from './stage.ts';

export interface CrashOptions {
  readonly folder: string;
  readonly seed: number;
  /** Dealt so many times, or until there are so many kills, or time is over. */
  readonly deck: readonly Card[];
  readonly rounds: number;
  readonly kills: number;
  readonly minutesMax: number;
  /** Between two mischiefs, on average. */
  readonly paceMs: number;
  readonly pauseMs: number;
  readonly runtimes: number;
  readonly workers: number;
  readonly slots: number;
  readonly customers: number;
  readonly openMax: number;
  readonly say: (line: string) => void;
  /** Somebody is impatient: heal at once, wait for nothing, judge what is there. */
  readonly signal: AbortSignal;
}

export interface CrashReport {
  readonly violations: readonly Violation[];
  /** How often each mischief came to pass, by name. */
  readonly done: ReadonlyMap<string, number>;
  readonly kills: number;
  readonly figures: Readonly<Record<string, number>>;
}

const AT_ONCE_MAX = 3;
/** Promises and endings between two mischiefs, or as long without any. */
const PROGRESS = 2;
const PATIENCE_MS = 3_000;
const HEAL_LIMIT_MS = 180_000;
const REST_LIMIT_MS = 60_000;

export async function crashRun(options: CrashOptions): Promise<CrashReport> {
  const { folder } = options;
  mkdirSync(folder, { recursive: true });
  const say = (line: string): void => {
    appendFileSync(join(folder, 'mischief.log'), `${Date.now()} ${line}\n`);
    options.say(line);
  };
  const chance = dice(options.seed);
  const unbidden: string[] = [];
  const onUnbidden = (sentence: string): void => {
    if (unbidden.includes(sentence)) return;
    say(`! ${sentence}`);
    unbidden.push(sentence);
  };
  const history = new History(join(folder, 'history.jsonl'));
  const stage = await setStage({ ...options, chance, onUnbidden });
  try {
    const startedAt = performance.now();
    const house = new House({ ...options, stage, history, chance, onUnexpected: onUnbidden });
    await house.open();
    const done = await makeMischief({ ...options, say }, stage, house, chance);
    const mischiefMs = performance.now() - startedAt;
    say('Healing: nothing is harmed any more, every open job must end.');
    await Promise.all([...stage.runtimes, ...stage.workers].map((each) => each.whenUp()));
    const healedAt = performance.now();
    await house.finish(within(HEAL_LIMIT_MS, options.signal));
    await withDatabase(stage.postgres.url, (client) =>
      untilAtRest(house, within(REST_LIMIT_MS, options.signal), () =>
        Promise.all([stillOnItsWay(client), newestSeqs(client)]),
      ),
    );
    const healMs = performance.now() - healedAt;
    house.close();
    await stage.stopProcesses();
    const books = await withDatabase(stage.postgres.url, readBooks);
    const evidence = assemble(history.seen, stage.diaries, stage.home, books);
    const violations = [
      ...unbidden.map((what) => ({ rule: 'nobody fails unbidden', what })),
      ...judge(evidence),
    ];
    if (violations.length > 0) keepEvidence(folder, evidence, violations);
    const kills = [...done].reduce((sum, [card, count]) => sum + (isKill(card) ? count : 0), 0);
    return {
      ...{ violations, kills, figures: figuresOf(evidence, mischiefMs, healMs) },
      done: new Map([...done].map(([card, count]) => [nameOf(card), count])),
    };
  } finally {
    await stage.close();
    // Bulky, and of no further use: what matters of it is in the evidence.
    rmSync(join(folder, 'postgres'), { recursive: true, force: true });
  }
}

/** @returns whether the time is over by now, or nobody wants to wait any more */
function within(limitMs: number, signal: AbortSignal): () => boolean {
  const until = performance.now() + limitMs;
  return () => signal.aborted || performance.now() >= until;
}

async function makeMischief(
  { deck, rounds, kills, minutesMax, paceMs, pauseMs, say, signal }: CrashOptions,
  stage: Stage,
  house: House,
  chance: Dice,
): Promise<Map<Card, number>> {
  const done = new Map<Card, number>(deck.map((card) => [card, 0]));
  const under = new Set<Promise<void>>();
  const isOver = within(minutesMax * 60_000, signal);
  const drawn = chance.split('mischief');
  let killed = 0;
  let round = 1;
  let cards = shuffled(deck, drawn);
  while (killed < kills && !isOver()) {
    await delay(paceMs * (0.5 + drawn.next()));
    await untilSomethingWentWell(house);
    await house.replaceBroke();
    if (cards.length === 0 && under.size === 0) {
      if (++round > rounds) break;
      cards = shuffled(deck, drawn);
    }
    const card = under.size < AT_ONCE_MAX ? cards.shift() : undefined;
    if (card === undefined) continue;
    const act = play(card, { stage, chance: drawn, pauseMs }).then((happened) => {
      under.delete(act);
      if (!happened) return void cards.splice(drawn.whole(0, cards.length), 0, card);
      done.set(card, (done.get(card) ?? 0) + 1);
      if (!isKill(card)) return say(nameOf(card));
      killed += 1;
      say(`${String(killed).padStart(4)}  ${nameOf(card).padEnd(48)} ${house.told()}`);
    });
    under.add(act);
  }
  await Promise.all(under);
  return done;
}

/** To kill what has only just begun to start again, again and again, would show nothing. */
async function untilSomethingWentWell(house: House): Promise<void> {
  const before = house.progress;
  const until = performance.now() + PATIENCE_MS;
  while (house.progress < before + PROGRESS && performance.now() < until) await delay(50);
}

/** Orders delivered, receipts in, slots free, every subscriber at the newest event of its account. */
async function untilAtRest(
  house: House,
  isOver: () => boolean,
  ask: () => Promise<[waiting: number, newest: Map<string, number>]>,
): Promise<void> {
  while (!isOver()) {
    const [waiting, newest] = await ask();
    if (waiting === 0 && house.hasSeen(newest)) return;
    await delay(200);
  }
}

function figuresOf(evidence: Evidence, mischiefMs: number, healMs: number) {
  const { seen, actors, engines, journal } = evidence;
  const jobs = actors.filter(({ kind }) => kind === 'job');
  const ended = (state: string) => jobs.filter((job) => job.state === state).length;
  const runs = engines.filter(({ what }) => what === 'begin').length;
  return {
    'jobs acknowledged': new Set(seen.flatMap((s) => (s.what === 'acknowledged' ? s.job : [])))
      .size,
    'answers in doubt': seen.filter(({ what }) => what === 'doubt').length,
    ...{ succeeded: ended('succeeded'), failed: ended('failed') },
    ...{ cancelled: ended('cancelled'), expired: ended('expired') },
    // Timers of the dead fire elsewhere (matrix row 38); while Postgres is away nothing can.
    'latest deadline, seconds late': Math.round(Math.max(0, ...jobs.map(latenessMs)) / 1000),
    'engine runs': runs,
    'turns committed': journal.length,
    'seconds of mischief': Math.round(mischiefMs / 1000),
    'seconds to come to rest': Math.round(healMs / 1000),
  };
}

interface Timed {
  readonly spec: { readonly deadlineMs: number };
  readonly run: { readonly submittedAt: number; readonly finishedAt: number | null };
}

function latenessMs({ state, context }: ActorRow): number {
  const { spec, run } = context as Timed;
  return state === 'expired' ? (run.finishedAt ?? 0) - run.submittedAt - spec.deadlineMs : 0;
}

function keepEvidence(folder: string, evidence: Evidence, violations: readonly Violation[]): void {
  const write = (name: string, value: unknown) =>
    writeFileSync(join(folder, `${name}.json`), JSON.stringify(value, null, 1));
  const { seen: _, ...books } = evidence;
  write('violations', violations);
  for (const [name, rows] of Object.entries(books)) write(name, rows);
}
