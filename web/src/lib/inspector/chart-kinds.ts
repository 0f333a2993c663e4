// The kinds of actors there are, without their machines: pages that only link to them stay small.
import type { ActorKind } from '../../../../machines/contract/ids.ts';

const KINDS = ['job', 'worker', 'quota', 'subscription'] as const satisfies readonly ActorKind[];

export const isKind = (text: string): text is ActorKind => KINDS.includes(text as ActorKind);
