// One's own account: the balance with its reset, and a line for everything that ever changed it.
import { z } from 'zod';
import { listPostings } from '../../../db/queries/ledger.ts';
import { quotaRef } from '../../../machines/contract/ids.ts';
import { accountView as accountShape, ledgerView } from '../../../machines/contract/views.ts';
import type { AccountView } from '../../../machines/contract/views.ts';
import { restore } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { accountView } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { cursorOf, pageQuery, readCursor } from '../pages.ts';

const tags = ['account'];
const config = { access: 'person' } as const;
const cursor = z.tuple([z.number().int().positive()]);

export async function readAccount(host: Host, accountId: string): Promise<AccountView> {
  const [row] = await host.store.load([quotaRef(accountId)]);
  return accountView(accountId, row ? restore(row) : null, host.clock.now());
}

export function accountRoutes(app: App, host: Host): void {
  app.route({
    method: 'GET',
    url: '/v1/account',
    config,
    schema: { tags, summary: 'Balance, plan and reset time', response: { 200: accountShape } },
    handler: (request) => readAccount(host, callerOf(request).accountId),
  });

  app.route({
    method: 'GET',
    url: '/v1/account/ledger',
    config,
    schema: {
      tags,
      summary: 'Receipts, newest first',
      querystring: pageQuery,
      response: { 200: ledgerView },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const { limit } = request.query;
      const before = readCursor(cursor, request.query.cursor)?.[0] ?? null;
      const lines = await listPostings(host.pool, accountId, { before, limit: limit + 1 });
      const page = lines.slice(0, limit);
      const last = lines.length > limit ? page.at(-1) : undefined;
      return {
        object: 'list' as const,
        data: page.map(({ at, jobId, ...line }) => ({
          posting: line.posting,
          at: new Date(at).toISOString(),
          reason: line.reason,
          job_id: jobId,
          available_change: line.availableChangeMt,
          held_change: line.heldChangeMt,
          available_after: line.availableAfterMt,
          held_after: line.heldAfterMt,
        })),
        next_cursor: last ? cursorOf([last.posting]) : null,
      };
    },
  });
}
