// What a chat's buttons mean. A button carries an id and nothing else; what it does is kept here, for ever.
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { findAction, insertActions } from '../../../db/queries/actions.ts';
import {
  actionIdsView,
  actionView,
  newActions,
} from '../../../machines/contract/frontend-views.ts';
import { base32 } from '../../clock.ts';
import type { Host } from '../../host.ts';
import { platformOf } from '../../keys.ts';
import { callerOf, personOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const tags = ['frontends'];
const config = { access: 'frontend' } as const;

export function actionRoutes(app: App, host: Host): void {
  app.route({
    method: 'POST',
    url: '/v1/actions',
    config,
    schema: {
      tags,
      summary: 'Get ids for buttons',
      description:
        'For the person named by Tessera-User. An id fits into what a platform lets a button carry (30 characters), ' +
        'and the same meaning gets the same id, so this may be asked again.',
      body: newActions,
      response: { 200: actionIdsView },
    },
    async handler(request) {
      const accountId = personOf(request);
      const platform = platformOf(callerOf(request).id)!;
      const actions = request.body.meanings.map((each) => {
        const meaning = JSON.stringify(each);
        return { id: idOf(accountId, platform, meaning), meaning };
      });
      await insertActions(host.pool, accountId, platform, actions);
      const data = actions.map(({ id }) => ({ object: 'action' as const, id }));
      return { object: 'list' as const, data };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/actions/:id',
    config,
    schema: {
      tags,
      summary: 'What a button means',
      description: 'Whoever pressed it: `mine` says whether that is the person it was made for.',
      params: z.strictObject({ id: z.string().max(64) }),
      response: { 200: actionView },
    },
    async handler(request) {
      const { accountId, id: keyId } = callerOf(request);
      const found = await findAction(host.pool, platformOf(keyId)!, request.params.id);
      if (!found) throw refuse('not_found', 'No button of this platform has this id.');
      return {
        object: 'action' as const,
        id: found.id,
        meaning: JSON.parse(found.meaning) as Record<string, unknown>,
        mine: found.accountId === accountId,
      };
    },
  });
}

const idOf = (...parts: string[]): string =>
  `act_${base32(createHash('sha256').update(parts.join('\u0000')).digest())}`;
