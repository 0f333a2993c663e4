// What may be asked for here: the words of a request against the rules for whoever may be looking.
import { setImmediate } from 'node:timers/promises';
import { audienceFor, USUAL, type Audience, type Levels } from '../../machines/content/audience.ts';
import { TextRules } from '../../machines/content/rules.ts';
import type { Plan } from '../../machines/contract/events.ts';
import type { Modality } from '../../machines/contract/models.ts';
import { PLANS } from '../../machines/contract/plans.ts';
import type { Role } from '../model-rules.ts';
import { Refused } from '../refusals.ts';
import type { PolicyFile } from './policy-file.ts';

export interface Asker {
  readonly role: Role;
  /** Looked up only where something depends on it. */
  readonly planOf: () => Promise<Plan>;
  readonly origin: string | null;
}

export class ContentPolicy {
  readonly #file: Pick<PolicyFile, 'current'>;

  constructor(file: Pick<PolicyFile, 'current'>) {
    this.#file = file;
  }

  /** Only a frontend is believed where it was asked: a person's own program could name any place. */
  async audienceOf({ role, planOf, origin }: Asker): Promise<Audience> {
    const { levels } = await this.#file.current();
    const plan = dependsOnPlan(levels) ? await planOf() : 'free';
    return audienceFor(levels, { plan, origin: role === 'frontend' ? origin : null });
  }

  /** Null where nothing is against it. */
  async whyNot(
    texts: readonly string[],
    modality: Modality,
    audience: Audience,
  ): Promise<Refused | null> {
    const { rules } = await this.#file.current();
    for (const text of texts)
      for (const piece of TextRules.pieces(text)) {
        const found = rules.find(piece, audience, modality);
        if (found)
          return new Refused(422, 'refused_content', found.sentence, {
            rule: found.rule,
            audience,
          });
        // A long conversation takes a while; others are served meanwhile.
        if (text.length > piece.length) await setImmediate();
      }
    return null;
  }
}

const dependsOnPlan = ({ plans }: Levels): boolean =>
  new Set(PLANS.map((plan) => plans[plan] ?? USUAL)).size > 1;
