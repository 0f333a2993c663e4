// One's own account: the balance with its reset, and a line for everything that ever changed it.
import { listLedger } from '../../../db/queries/ledger.ts';
import { accountView as accountShape, ledgerView } from '../../../machines/contract/views.ts';
import { showAccount } from '../../account.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { ofAccount, readable } from '../joined-reads.ts';
import { pageQuery } from '../pages.ts';

const tags = ['account'];
const config = { access: 'person' } as const;

export function accountRoutes(app: App, host: Host): void {
  app.route({
    method: 'GET',
    url: '/v1/account',
    config,
    schema: { tags, summary: 'Balance, plan and reset time', response: { 200: accountShape } },
    handler: (request) => showAccount(host, callerOf(request).accountId),
  });

  app.route({
    method: 'GET',
    url: '/v1/account/ledger',
    config,
    schema: {
      tags,
      summary: 'Receipts, newest first',
      querystring: pageQuery.extend({ account: ofAccount }),
      response: { 200: ledgerView },
    },
    async handler(request) {
      const accountId = await readable(host, callerOf(request).accountId, request.query.account);
      const page = await listLedger(host.pool, accountId, request.query);
      return {
        object: 'list' as const,
        data: page.rows.map((line) => ({
          posting: line.posting,
          at: new Date(line.at).toISOString(),
          reason: line.reason,
          job_id: line.jobId,
          charged: line.charged,
          available_change: line.availableChange,
          held_change: line.heldChange,
          available_after: line.availableAfter,
          held_after: line.heldAfter,
        })),
        next_cursor: page.nextCursor,
      };
    },
  });
}
