// Who may call what. Each route of /v1 says whom it is for; one that does not say so cannot be built.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { Refused } from '../refusals.ts';
import { refuseCrossSite, refuseForeignSocket } from './origin-check.ts';
import { refuse } from './problems.ts';
import type { Principal, Principals } from './principals.ts';
import { scopeOf, type Scope } from './scopes.ts';

/**
 * person: whoever owns jobs and tokens. owner: the same, but no frontend may speak for them. frontend: a frontend,
 * which need not say for whom. subscriber: a person, or such a frontend. public: anybody who reaches the address.
 */
export type Access = 'public' | 'person' | 'owner' | 'frontend' | 'subscriber' | 'worker' | 'admin';

/** One route as it was built: the table in `access.snapshot.txt` is made of these. */
export interface DeclaredRoute {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
  readonly scope: Scope | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyInstance {
    declaredRoutes: DeclaredRoute[];
  }
  interface FastifyRequest {
    /** Null on public routes. */
    principal: Principal | null;
  }
}

/** Built by a plugin, which declares nothing. */
const OF_THE_DOCUMENTATION = /^\/docs(\/|$)/;

const FOR: Readonly<Record<Exclude<Access, 'public'>, readonly Principal['kind'][]>> = {
  person: ['user', 'frontend', 'session'],
  // What a frontend could make here would outlive its own key.
  owner: ['user', 'session'],
  frontend: ['frontend'],
  subscriber: ['user', 'frontend', 'session'],
  worker: ['worker'],
  // An administrator's key looks and mends; it has no balance and starts no jobs.
  admin: ['admin'],
};

const WHO = {
  person: 'a user or a frontend',
  owner: 'a person who is signed in, or their own key',
  frontend: 'a frontend (`tessera key create --kind frontend`)',
  subscriber: 'a user or a frontend',
  worker: 'a worker (`tessera key create --kind worker`)',
  admin: 'an administrator (`tessera key create --kind admin`)',
} as const;

/**
 * @param refused told of each caller with a key who is not let in at the doors of workers and operators
 */
export function guardRoutes(
  app: FastifyInstance,
  principals: Principals,
  refused: (request: FastifyRequest, access: Access, refusal: Refused) => Promise<void>,
): void {
  app.decorateRequest('principal', null);
  app.decorate('declaredRoutes', []);
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.access === undefined && !OF_THE_DOCUMENTATION.test(url))
      throw new Error(`${url} does not say whom it is for.`);
    const access = config?.access ?? 'public';
    for (const each of [method].flat())
      app.declaredRoutes.push({ method: each, url, access, scope: scopeOf(access, each, url) });
  });
  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access ?? 'public';
    if (access === 'public') return;
    try {
      request.principal = await admitted(request, access, principals);
    } catch (error) {
      const isNoted =
        access !== 'person' &&
        access !== 'subscriber' &&
        request.headers.authorization !== undefined;
      if (error instanceof Refused && isNoted) await refused(request, access, error);
      throw error;
    }
  });
}

const isLetIn = ({ kind, isOperator = false }: Principal, access: Exclude<Access, 'public'>) =>
  FOR[access].includes(kind) || (access === 'admin' && isOperator);

async function admitted(
  request: FastifyRequest,
  access: Exclude<Access, 'public'>,
  principals: Principals,
): Promise<Principal> {
  if (request.ws) refuseForeignSocket(request.headers);
  const needsNobody = access === 'frontend' || access === 'subscriber';
  const principal = await principals.of(request.headers, needsNobody);
  if (principal.kind === 'session') refuseCrossSite(request.method, request.headers);
  if (!isLetIn(principal, access))
    throw refuse('forbidden', `This call is for ${WHO[access]}; the key is of another kind.`);
  const scope = scopeOf(access, request.method, request.routeOptions.url ?? '');
  if (scope !== null && principal.scopes && !principal.scopes.includes(scope))
    throw refuse('forbidden', `This key may not do that: it lacks the scope ${scope}.`);
  return principal;
}

/** For whom a frontend speaks, where it may leave that out. @throws Refused when it did */
export function personOf(request: FastifyRequest): string {
  const { accountId } = callerOf(request);
  if (accountId !== SYSTEM_ACCOUNT) return accountId;
  throw refuse('invalid_request', 'Name the person with the header Tessera-User.');
}

/** The caller of a route that is not public. */
export function callerOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Error(`${request.url} has no access rule.`);
  return request.principal;
}
