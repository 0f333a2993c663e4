// Two sides of one person: one asks for a code, the other confirms it, and both have one account from then on.
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { listIdentities, type IdentityRow } from '../../../db/queries/identities.ts';
import {
  claimLinkCode,
  findLinkCode,
  insertLinkCode,
} from '../../../db/queries/joined-accounts.ts';
import { joinedView, linkOfferView, linkView } from '../../../machines/contract/identity-views.ts';
import { readAccount } from '../../account.ts';
import { base32 } from '../../clock.ts';
import type { Host } from '../../host.ts';
import { joinAccounts, RETURNS_FOR_MS, sidesOf } from '../../linking.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { PerMinute } from '../per-minute.ts';
import type { Principal, Principals } from '../principals.ts';
import { refuse } from '../problems.ts';
import type { Sessions } from '../sessions.ts';

const CODE_TTL_MS = 10 * 60_000;
/** 50 bits: a guesser with ten thousand accounts would need centuries, at this rate. */
const CODE_LENGTH = 10;
const WRONG_PER_MINUTE = 5;

const tags = ['account'];
const config = { access: 'person' } as const;
const body = z.strictObject({ code: z.string().min(1).max(40) });

export function linkRoutes(
  app: App,
  host: Host,
  { principals, sessions }: { principals: Principals; sessions: Sessions },
): void {
  const { pool, config: settings } = host;
  const wrong = new PerMinute(() => host.clock.now(), WRONG_PER_MINUTE);

  /** The code, when it holds for the caller. @throws Refused */
  const readCode = async (caller: Principal, text: string) => {
    const hash = hashOf(text);
    const found = await findLinkCode(pool, hash, caller.accountId);
    if (found?.accountId === caller.accountId)
      throw refuse(
        'link_refused',
        'This code was made by the same account. Enter it where the other one is.',
      );
    if (found) return { ...found, hash };
    if (!wrong.take(caller.accountId).isWithin)
      throw refuse('too_many_attempts', 'Too many wrong codes. Wait a minute.');
    throw refuse('link_refused', 'This code is not known, was used, or is older than 10 minutes.');
  };

  app.route({
    method: 'POST',
    url: '/v1/account/links',
    config,
    schema: {
      tags,
      summary: 'Ask for a code that links another account',
      description:
        'It holds once, for ten minutes, and only the newest one does. Whoever confirms it on another ' +
        'frontend makes both accounts one. `POST /v1/account/links/look` says what that would do.',
      response: { 201: linkView },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const code = base32(randomBytes(8), CODE_LENGTH).toUpperCase();
      const made = await insertLinkCode(pool, {
        accountId,
        hash: hashOf(code),
        ttlMs: CODE_TTL_MS,
      });
      const shown = `${code.slice(0, 5)}-${code.slice(5)}`;
      const base = settings.publicUrl?.replace(/\/$/, '');
      reply.code(201);
      return {
        object: 'link' as const,
        code: shown,
        // Behind the #, so that no log and no other site ever sees it.
        url: base === undefined ? null : `${base}/link#${shown}`,
        expires_at: iso(made.expiresAt),
      };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/links/look',
    config,
    schema: {
      tags,
      summary: 'What a code would link',
      description: 'Changes nothing.',
      body,
      response: { 200: linkOfferView },
    },
    async handler(request) {
      const caller = callerOf(request);
      const { accountId: asked, expiresAt } = await readCode(caller, request.body.code);
      const { stays, joins } = await sidesOf(host, asked, caller.accountId);
      const [identities, joining] = await Promise.all([
        listIdentities(pool, asked),
        readAccount(host, joins),
      ]);
      return {
        object: 'link_offer' as const,
        expires_at: iso(expiresAt),
        other: { identities: identities.map(hintOf) },
        stays: stays === caller.accountId ? ('yours' as const) : ('other' as const),
        moves_millitokens: joining.top_up_millitokens,
        stays_behind_millitokens: joining.allowance_millitokens,
        returns_until: iso(host.clock.now() + RETURNS_FOR_MS),
      };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/links/confirm',
    config,
    schema: {
      tags,
      summary: 'Link this account with the one that asked for the code',
      description:
        'One account is left: that of the code, or this one where only it has a paid plan. Bought tokens move ' +
        "there; the day's tokens do not add up. What the other account made stays readable. For 30 days it can " +
        'be undone with everything it brought (`POST /v1/account/links/undo`).',
      body,
      response: { 200: joinedView },
    },
    async handler(request, reply) {
      const caller = callerOf(request);
      const { accountId: asked, hash } = await readCode(caller, request.body.code);
      const sides = await sidesOf(host, asked, caller.accountId);
      if (!(await claimLinkCode(pool, hash, caller.accountId)))
        throw refuse('link_refused', 'Somebody else has just used this code.');
      await joinAccounts(host, sides, { by: caller.id, hash });
      principals.forgetAll();
      if (caller.kind === 'session') await sessions.rotate(request, reply);
      return {
        object: 'joined_account' as const,
        account: sides.stays,
        joined: sides.joins,
        returns_until: iso(host.clock.now() + RETURNS_FOR_MS),
      };
    },
  });
}

const iso = (at: number) => new Date(at).toISOString();

/** As people type it: in any case, with or without the dash, and with the letters that look like digits. */
const hashOf = (text: string): Buffer => {
  const code = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return createHash('sha256').update(`link:${code}`).digest();
};

/** Enough to be recognised by whoever it is, too little for anybody else. */
export const hintOf = ({ provider, subject, name }: IdentityRow) => ({
  provider,
  hint: name ?? `…${subject.slice(-4)}`,
});
