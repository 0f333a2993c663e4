// The kinds of engines there are: what an operator writes for one, and how it is made from that.
import { z } from 'zod';
import type { Engine } from '../../../machines/contract/engine.ts';
import { createBuiltinEngine } from '../engines/builtin/engine.ts';
import { wordsFor } from './sentences.ts';

export interface EngineKind {
  readonly read: (input: unknown) => ReadSettings;
}

export type ReadSettings =
  | {
      /** Made only when asked: the file may still be refused for another entry. */
      readonly create: () => Engine;
      /** Where its server answers; null where it has none. */
      readonly url: string | null;
    }
  | { readonly issues: readonly z.core.$ZodIssue[] };

const NOTHING_TO_SET = z.strictObject({});

export const ENGINE_KINDS = {
  builtin: kind(NOTHING_TO_SET, createBuiltinEngine),
} satisfies Record<string, EngineKind>;

export type KindName = keyof typeof ENGINE_KINDS;
export const KIND_NAMES = Object.keys(ENGINE_KINDS) as [KindName, ...KindName[]];

function kind<S extends object>(schema: z.ZodType<S>, create: (settings: S) => Engine): EngineKind {
  return {
    read: (input) => {
      const { success, data, error } = schema.safeParse(input, { error: wordsFor });
      if (!success) return { issues: error.issues };
      const url = 'url' in data && typeof data.url === 'string' ? data.url : null;
      return { create: () => create(data), url };
    },
  };
}
