// Accounts and workers that nothing has happened to since a deploy: each gets a turn, so that it is stored as
// the new chart would have it. Until then a timer that the deploy added to its state is not armed.
import type { CommonQueryMethods } from 'slonik';
import { listOutdated } from '../db/queries/outdated.ts';
import { refKey, type ActorKind, type ActorRef } from '../machines/contract/ids.ts';
import type { Turns } from './turn.ts';
import type { Registry } from './versions.ts';

interface Seams {
  readonly registry: Registry;
  readonly post: Turns['post'];
  readonly log: (message: string) => void;
}

/**
 * Not while older runtimes are about: what is brought forward they have to leave alone.
 * @returns how many were brought forward
 */
export async function bringForward(
  pool: CommonQueryMethods,
  { registry, post, log }: Seams,
  limit: number,
): Promise<number> {
  let done = 0;
  for (const kind of Object.keys(registry) as ActorKind[]) {
    const { current, pinned } = registry[kind];
    // The first version has nobody behind it, and jobs keep theirs.
    if (pinned !== undefined || current.version === 1) continue;
    const { version } = current;
    for (let after: ActorRef | null = null, isLast = false; !isLast;) {
      const refs: readonly ActorRef[] = await listOutdated(pool, { kind, version, after, limit });
      const turns = refs.map(async (ref) => {
        try {
          await post(ref, { type: 'actor.upcastRequested' });
          done += 1;
        } catch (error) {
          log(`${refKey(ref)} stays behind: ${(error as Error).message}`);
        }
      });
      await Promise.all(turns);
      isLast = refs.length < limit;
      after = refs.at(-1) ?? null;
    }
  }
  return done;
}
