// Who may use which model: the operator's rules, read once at the start. Each rule narrows the models it
// names; what no rule names is for everybody. Of several rules for one model, all must allow it.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Plan } from '../machines/contract/events.ts';
import { PLANS } from '../machines/contract/plans.ts';
import { BadConfig } from './config.ts';

/** Kinds of callers, until accounts have roles of their own. A browser is its person: a user. */
export const ROLES = ['user', 'frontend', 'admin'] as const;
export type Role = (typeof ROLES)[number];

const oneOf = <const T extends readonly string[]>(names: T) =>
  z.array(z.enum(names, `must be one of ${names.join(', ')}`));

const rule = z.strictObject({
  models: z
    .array(
      z
        .string()
        .regex(/^[a-z0-9*][a-z0-9._*-]{0,63}$/, 'must be a model id, in which * is anything'),
    )
    .min(1, 'must name at least one model'),
  plans: oneOf(PLANS).optional(),
  roles: oneOf(ROLES).optional(),
  note: z.string().max(200).optional(),
});
type Rule = z.infer<typeof rule>;

export interface AllowedFor {
  readonly plans: readonly Plan[];
  readonly roles: readonly Role[];
  readonly note: string | null;
}

export class ModelRules {
  readonly #rules: readonly { readonly rule: Rule; readonly matches: RegExp[] }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map((each) => ({ rule: each, matches: each.models.map(patternOf) }));
  }

  allowedFor(model: string): AllowedFor {
    const rules = this.#rules
      .filter(({ matches }) => matches.some((pattern) => pattern.test(model)))
      .map((each) => each.rule);
    const byAll = <T extends string>(names: readonly T[], of: (rule: Rule) => T[] | undefined) =>
      names.filter((name) => rules.every((each) => of(each)?.includes(name) ?? true));
    return {
      plans: byAll(PLANS, ({ plans }) => plans),
      roles: byAll(ROLES, ({ roles }) => roles),
      note: rules.find(({ note }) => note)?.note ?? null,
    };
  }

  /** Does it depend on the plan at all? Then the plan has to be known. */
  asksForPlan(model: string): boolean {
    return this.allowedFor(model).plans.length < PLANS.length;
  }

  /** Null when it is allowed; else a sentence that says what would help. */
  whyNot(model: { readonly id: string; readonly name: string }, plan: Plan, role: Role) {
    const { plans, roles, note } = this.allowedFor(model.id);
    if (plans.includes(plan) && roles.includes(role)) return null;
    const why =
      plans.length === 0 || roles.length === 0
        ? 'is not open to anybody'
        : roles.includes(role)
          ? `needs the plan ${plans.join(' or ')}, and this account has the plan ${plan}`
          : `may only be used by callers of the kind ${roles.join(' or ')}, and this one is ${role}`;
    return `${model.name} ${why}.${note === null ? '' : ` ${note.replace(/[.!?]?$/, '.')}`}`;
  }
}

export const FOR_EVERYBODY = new ModelRules([]);

/**
 * @param path of the file; a missing one allows everything, unless somebody named it
 * @throws BadConfig
 */
export function readModelRules(path: string, isNamed: boolean): ModelRules {
  if (!isNamed && !existsSync(path)) return FOR_EVERYBODY;
  try {
    return parseModelRules(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof BadConfig) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BadConfig(
      `The rules for models cannot be read from ${path} (${code}). Mend the file, or TESSERA_MODELS.`,
    );
  }
}

/** @throws BadConfig with a line for each mistake */
export function parseModelRules(text: string, path: string): ModelRules {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadConfig(`${path} is not JSON: ${(error as Error).message}.`);
  }
  const parsed = z.array(rule, 'must be a list of rules').safeParse(value);
  if (parsed.success) return new ModelRules(parsed.data);
  const lines = parsed.error.issues.map(({ path: at, message }) => {
    const [n, ...field] = at;
    const where = n === undefined ? '' : ` in rule ${Number(n) + 1}`;
    return `${path}${where}: ${field.length === 0 ? '' : `${field.join('.')} `}${message}.`;
  });
  throw new BadConfig(lines.join('\n'));
}

const patternOf = (text: string): RegExp =>
  new RegExp(`^${text.split('*').map(RegExp.escape).join('.*')}$`);
