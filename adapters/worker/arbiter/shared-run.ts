// Several runs in one engine call. To each attempt it looks like a run of its own: it is called off alone, has
// its own progress and its own end. When the call fails, each is tried by itself; nobody fails for another.
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../machines/contract/engine.ts';
import type { RunTurn } from './arbiter.ts';
import { isOutOfMemory } from './card.ts';
import {
  WORK_MIN,
  type EngineRun,
  type Guard,
  type GuardOptions,
  type RunFacts,
} from './guarded-run.ts';
import { isKnown, withSample } from './measurements.ts';
import { createStrains } from './strains.ts';
import type { Report } from './watched-call.ts';

/** What they share; `key` names the call. */
export type CallFacts = Omit<RunFacts, 'work'>;

interface Member {
  readonly turn: RunTurn;
  readonly job: EngineJob;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly resolve: (outputs: readonly EngineOutput[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Those that came, as long as they have no end. */
interface Gathering {
  readonly open: Set<Member>;
  /** Aborted when nobody wants anything of it any more. */
  readonly stop: AbortController;
}

export interface SharingOptions extends GuardOptions {
  readonly guard: Guard;
}

export function createSharing(options: SharingOptions) {
  const { guard, watch, card, engines, measurements, timers, log } = options;
  const strains = createStrains(timers, log, 'its jobs run one by one');

  const together = async (facts: CallFacts, members: readonly Member[], stop: AbortSignal) => {
    const { host, model } = facts;
    const parts = members.map(({ turn }) => Math.max(turn.work, WORK_MIN));
    const { value, tookMs } = await watch({
      ...facts,
      work: sumOf(parts),
      // More than any job needs: a model that fits alone would not fit any more.
      showsNeed: false,
      signal: stop,
      make: (signal, hearing) =>
        host.engine.runBatch!(
          members.map(({ job, report, signal: own }) => ({
            ...{ job, report: hearing(report), signal: own },
          })),
          signal,
        ),
    });
    if (value.length !== members.length)
      throw new EngineFailure('outputMissing', 'The engine did not answer for each of the jobs.');
    for (const [index, { resolve }] of members.entries()) resolve(value[index]!);
    strains.note(model, false);
    // An engine may leave out whoever is not wanted any more: that says nothing about the others.
    if (!members.some(({ signal }) => signal.aborted)) learn(model, parts, tookMs);
  };

  const learn = (model: string, parts: readonly number[], tookMs: number) => {
    const { runMs } = measurements.of(model);
    if (!isKnown(runMs)) return;
    const longest = Math.max(...parts);
    const cost = (tookMs / runMs.mean - longest) / (sumOf(parts) - longest);
    measurements.change(model, (was) => ({
      ...was,
      batchCost: withSample(was.batchCost, Math.max(0, cost)),
    }));
  };

  const oneByOne = async (facts: CallFacts, open: ReadonlySet<Member>): Promise<void> => {
    for (const member of [...open]) {
      const { turn, job, report, signal, resolve, reject } = member;
      if (signal.aborted) reject(signal.reason);
      if (!open.has(member)) continue;
      try {
        // The call, or the one before, may have taken its engine down.
        await engines.untilUp(facts.host);
        if (!card.isLoaded(facts.model)) await card.load(facts.model);
      } catch (error) {
        for (const each of [...open]) each.reject(error);
        return;
      }
      await guard
        .run({ ...facts, work: turn.work })(job, report, signal)
        .then(resolve, reject);
    }
  };

  const carryOut = async (facts: CallFacts, { open, stop }: Gathering): Promise<void> => {
    const { host, model } = facts;
    const wanted = [...open].filter(({ signal }) => !signal.aborted);
    const isSpared = guard.isSpared(model) || strains.isSpared(model);
    if (wanted.length < 2 || isSpared || host.engine.runBatch === undefined)
      return oneByOne(facts, open);
    try {
      await together(facts, wanted, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) {
        const what = { model, jobs: wanted.length, error };
        log.warn(what, 'A call with several jobs failed; each is tried by itself');
        if (isOutOfMemory(error)) strains.note(model, true);
      }
      await oneByOne(facts, open);
    }
  };

  /** Resolves when the engine has let go and every attempt has ended. Never rejects. */
  return async (facts: CallFacts, turns: readonly RunTurn[]): Promise<void> => {
    const gathering: Gathering = { open: new Set(), stop: new AbortController() };
    const arrivals = turns.map(() => Promise.withResolvers<void>());
    const ends = turns.map((turn, index) => {
      const arrive = arrivals[index]!.resolve;
      // It may end before it comes as far as the engine.
      return turn.start(joining(gathering, turn, arrive)).finally(arrive);
    });
    await Promise.all(arrivals.map(({ promise }) => promise));
    await carryOut(facts, gathering);
    await Promise.all(ends);
  };
}

const joining =
  ({ open, stop }: Gathering, turn: RunTurn, arrive: () => void): EngineRun =>
  (job, report, signal) =>
    new Promise((resolve, reject) => {
      const end =
        <T>(tell: (value: T) => void) =>
        (value: T) => {
          open.delete(member);
          tell(value);
        };
      const member = { turn, job, report, signal, resolve: end(resolve), reject: end(reject) };
      open.add(member);
      // Told at once while others go on; the last one is told when the engine has let go.
      const leave = () => {
        if ([...open].every((each) => each.signal.aborted)) stop.abort(signal.reason);
        else member.reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      arrive();
    });

const sumOf = (parts: readonly number[]): number => parts.reduce((sum, part) => sum + part, 0);
