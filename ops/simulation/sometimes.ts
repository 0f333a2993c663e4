// Rare situations that a run of many seeds must have reached: one that never came about was never tested.
import type { ActorEvent } from '../../machines/contract/events.ts';
import type { AgentFrame } from '../../machines/contract/worker-protocol.ts';
import type { Turn } from './books.ts';

/** Told by the world itself. */
const IN_THE_WORLD = [
  'A runtime starts.',
  'A runtime cannot start, because the store is away.',
  'A runtime stops in good order.',
  'A runtime that would not stop is killed.',
  'The last runtime dies.',
  'A runtime sleeps past its leases and goes on.',
  'A worker is told that a newer connection took over.',
  'A worker hangs for longer than its lease.',
  'An engine takes its time over a cancel.',
  'An order is repeated after its attempt was settled.',
  'A worker repeats an end that was not settled.',
  'A client is not answered and asks again.',
  'A client is told to come back.',
  'A client gives up without ever knowing.',
  'A key is used again for another wish.',
  'A wish is refused for want of tokens.',
  'A wish is refused as impossible.',
  'A wish of a suspended account is refused.',
  'Another wish under a used key is refused.',
  'A repeated wish is answered with the job there is.',
  'A late commit arrives too late and is lost.',
  'A commit of unknown outcome arrives late and counts.',
  'Every slot of a worker is busy.',
  'A job takes its worker down.',
  'A report arrives after its worker has died.',
  'A whole day passes while nobody looks.',
  'Plans are renewed right after midnight.',
  'A deploy has replaced every runtime.',
  'The leases of a dead runtime are freed at once.',
  'An older runtime leaves alone what a newer one has written.',
] as const;

export const SOMETIMES = [...IN_THE_WORLD] as const;
export type Sometimes = (typeof SOMETIMES)[number];

export function rareTurn(
  _row: Turn['row'],
  _event: ActorEvent,
  _seen: (what: Sometimes) => void,
): void {}
export function rareArrival(
  _frame: AgentFrame,
  _worker: string,
  _state: string,
  _isSettled: boolean,
  _seen: (what: Sometimes) => void,
): void {}
