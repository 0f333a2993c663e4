// What is done to whom, and when: a deck of cards, shuffled by the seed, dealt while customers are at work.
// A point that was not reached goes back into the deck, so that none is left out.
import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from './dice.ts';
import type { KeptProcess } from './kept-process.ts';
import {
  RUNTIME_POINTS,
  SHUTDOWN_POINTS,
  WORKER_POINTS,
  type Arming,
  type RuntimePoint,
  type WorkerPoint,
} from './points.ts';
import type { Stage } from './stage.ts';

export type Card =
  | { readonly do: 'kill' | 'end' | 'pause'; readonly whom: 'runtime' | 'worker' }
  | { readonly do: 'kill'; readonly whom: 'postgres' }
  | { readonly do: 'kill'; readonly whom: 'backend' }
  | { readonly do: 'killAt' | 'pauseAt'; readonly whom: 'runtime'; readonly at: RuntimePoint }
  | { readonly do: 'endAt'; readonly whom: 'runtime'; readonly at: keyof typeof SHUTDOWN_POINTS }
  | { readonly do: 'killAt'; readonly whom: 'worker'; readonly at: WorkerPoint };

const times = (count: number, card: Card): Card[] => Array.from({ length: count }, () => card);
const namesOf = <T extends object>(points: T) => Object.keys(points) as (keyof T)[];

/** One round: 47 cards, 41 of them `kill -9`. */
export const DECK: readonly Card[] = [
  ...times(8, { do: 'kill', whom: 'runtime' }),
  ...times(7, { do: 'kill', whom: 'worker' }),
  ...times(5, { do: 'kill', whom: 'postgres' }),
  ...times(3, { do: 'kill', whom: 'backend' }),
  ...namesOf(RUNTIME_POINTS).map((at) => ({ do: 'killAt', whom: 'runtime', at }) as const),
  ...namesOf(SHUTDOWN_POINTS).map((at) => ({ do: 'endAt', whom: 'runtime', at }) as const),
  ...namesOf(WORKER_POINTS).map((at) => ({ do: 'killAt', whom: 'worker', at }) as const),
  ...times(2, { do: 'end', whom: 'runtime' }),
  { do: 'end', whom: 'worker' },
  { do: 'pause', whom: 'runtime' },
  { do: 'pauseAt', whom: 'runtime', at: 'beforeCommit' },
  { do: 'pause', whom: 'worker' },
];

export const nameOf = (card: Card): string =>
  [WORDS[card.do], card.whom, ...('at' in card ? [`at ${card.at}`] : [])].join(' ');
const WORDS = {
  ...{ kill: 'kill -9', killAt: 'kill -9', endAt: 'SIGTERM, then kill -9' },
  ...{ end: 'SIGTERM', pause: 'SIGSTOP', pauseAt: 'SIGSTOP' },
} as const;

export const isKill = (card: Card): boolean => /^(kill|killAt|endAt)$/.test(card.do);

export function shuffled(deck: readonly Card[], chance: Dice): Card[] {
  const cards = [...deck];
  for (let last = cards.length - 1; last > 0; last -= 1) {
    const other = chance.whole(0, last);
    [cards[last], cards[other]] = [cards[other]!, cards[last]!];
  }
  return cards;
}

export interface MischiefOptions {
  readonly stage: Stage;
  readonly chance: Dice;
  readonly pauseMs: number;
}

const REACHED_WITHIN_MS = 5_000;

/** @returns whether it came to pass: there was a victim, and its point was reached */
export async function play(
  card: Card,
  { stage, chance, pauseMs }: MischiefOptions,
): Promise<boolean> {
  const { postgres } = stage;
  if (card.whom === 'postgres' || card.whom === 'backend') {
    if (postgres.isBusy) return false;
    postgres.isBusy = true;
    try {
      if (card.whom === 'backend') return postgres.killBackend();
      await postgres.kill();
      return true;
    } finally {
      postgres.isBusy = false;
    }
  }
  const all = card.whom === 'runtime' ? stage.runtimes : stage.workers;
  const victim = victimOf(card, all, chance);
  if (victim === null) return false;
  victim.isBusy = true;
  try {
    return await treat(victim, card, { chance, pauseMs });
  } finally {
    victim.isBusy = false;
  }
}

function victimOf(card: Card, all: readonly KeptProcess[], chance: Dice): KeptProcess | null {
  const free = all.filter((each) => !each.isBusy);
  // Some are killed while they start; whoever is to reach a point must be up.
  const fit = free.filter((each) => (card.do === 'kill' ? each.isRunning : each.isUp));
  // Somebody has to carry on meanwhile.
  if (/^pause/.test(card.do) && (free.length < all.length || all.length < 2)) return null;
  return fit.length > 0 ? chance.pick(fit) : null;
}

type Treatment = Exclude<Card, { whom: 'postgres' } | { whom: 'backend' }>;

async function treat(
  victim: KeptProcess,
  card: Treatment,
  { chance, pauseMs }: { chance: Dice; pauseMs: number },
): Promise<boolean> {
  const arming = (signal: Arming['signal']): Arming => ({
    ...{ point: 'at' in card ? card.at : 'running', nth: chance.whole(1, 4), signal },
  });
  switch (card.do) {
    case 'kill':
      await victim.kill();
      return true;
    case 'killAt':
      return victim.killAt(arming('SIGKILL'), REACHED_WITHIN_MS);
    case 'endAt':
      return (await victim.term({ ...arming('SIGKILL'), nth: 1 })) === 'SIGKILL';
    case 'end':
      await victim.term();
      return true;
    case 'pause':
    case 'pauseAt':
      if (card.do === 'pause') victim.pause();
      else if (!(await victim.pauseAt(arming('SIGSTOP'), REACHED_WITHIN_MS))) return false;
      await delay(pauseMs);
      victim.resume();
      return true;
  }
}
