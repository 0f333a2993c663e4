// The calls of /v1, typed. Runs in browsers and in Node. The contract's schemas are used as types
// only, so that no page has to load a validator; the server checks what it sends.
import type { z } from 'zod';
import type { PlanListView } from '../../machines/contract/plans.ts';
import type { ActorView, JournalView } from '../../machines/contract/admin-views.ts';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type {
  IdentityListView,
  JoinedView,
  LinkOfferView,
  LinkView,
  PasskeyBegunView,
  PasskeyView,
  SessionListView,
  SignInBegunView,
  WaysView,
} from '../../machines/contract/identity-views.ts';
import type { Modality } from '../../machines/contract/models.ts';
import type { StyleListView } from '../../machines/contract/styles.ts';
import type * as views from '../../machines/contract/views.ts';
import { localProblem } from './problem.ts';
import { pause, RETRY_POLICY, sendWithRetry, type Surroundings } from './retry.ts';

export type JobListView = z.infer<typeof views.jobListView>;
export type LedgerView = z.infer<typeof views.ledgerView>;
export type ModelListView = z.infer<typeof views.modelListView>;
export type BlobView = z.infer<typeof views.blobView>;

export type AccountKeyListView = z.infer<typeof views.accountKeyListView>;
export type NewKeyView = z.infer<typeof views.newKeyView>;

/** What a new key is confined to; what is left out is as the caller has it. */
export interface KeyRequest {
  readonly name: string;
  readonly scopes?: readonly string[];
  readonly requests_per_minute?: number;
  readonly expires_in_s?: number;
}

export interface ClientOptions {
  /** Such as `https://example.org`. Empty in a browser: the page's own origin. */
  readonly baseUrl?: string;
  /** An API key. Browsers have a session cookie instead. */
  readonly key?: string;
  /** Whom a frontend's key speaks for: `telegram:<id>` or `discord:<id>`. */
  readonly user?: string;
  readonly surroundings?: Partial<Surroundings>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface WaitOptions extends CallOptions {
  /** Answer with the ended job if it ends within so many seconds, 60 at most. */
  readonly waitS?: number;
}

export interface CreateOptions extends WaitOptions {
  /** Keep it for as long as the person means the same job; a new one means a new job. */
  readonly idempotencyKey?: string;
}

export interface PageOptions extends CallOptions {
  readonly cursor?: string;
  readonly limit?: number;
}

export type BlobBytes = Blob | Uint8Array<ArrayBuffer>;
export type TesseraClient = ReturnType<typeof createClient>;

// An upload may be large and the line slow; nothing else takes this long.
const UPLOAD_TIMEOUT_MS = 600_000;

export function createClient(options: ClientOptions = {}) {
  const call = caller(options);
  return {
    /** The same client, speaking for another person. */
    actingFor: (user: string) => createClient({ ...options, user }),

    createJob: (request: JobRequestInput, { idempotencyKey, ...rest }: CreateOptions = {}) =>
      call<views.JobView>('POST', '/v1/jobs', {
        json: { ...request, dry_run: false },
        ...waiting(rest, { 'idempotency-key': idempotencyKey ?? newIdempotencyKey() }),
      }),
    dryRun: (request: JobRequestInput, { signal }: CallOptions = {}) =>
      call<views.DryRunView>('POST', '/v1/jobs', { json: { ...request, dry_run: true }, signal }),
    jobs: ({ signal, ...page }: PageOptions = {}) =>
      call<JobListView>('GET', `/v1/jobs${query(page)}`, { signal }),
    job: (id: string, options: WaitOptions = {}) =>
      call<views.JobView>('GET', `/v1/jobs/${encodeURIComponent(id)}`, waiting(options)),
    /** Up to 100 in one call, in this order; those that are not there are left out. */
    jobsById: (ids: readonly string[], { signal }: CallOptions = {}) =>
      call<JobListView>('GET', `/v1/jobs?${new URLSearchParams({ ids: ids.join() })}`, { signal }),
    /** A job as the statechart that it is, and its turns after a revision. */
    jobActor: (id: string, { signal }: CallOptions = {}) =>
      call<ActorView>('GET', `/v1/jobs/${encodeURIComponent(id)}/actor`, { signal }),
    jobJournal: (
      id: string,
      page: { readonly after?: number; readonly limit?: number } = {},
      { signal }: CallOptions = {},
    ) =>
      call<JournalView>('GET', `/v1/jobs/${encodeURIComponent(id)}/journal${query(page)}`, {
        signal,
      }),
    cancelJob: (id: string, { signal }: CallOptions = {}) =>
      call<views.JobView>('POST', `/v1/jobs/${encodeURIComponent(id)}/cancel`, { signal }),

    account: ({ signal }: CallOptions = {}) =>
      call<views.AccountView>('GET', '/v1/account', { signal }),
    ledger: ({ signal, ...page }: PageOptions = {}) =>
      call<LedgerView>('GET', `/v1/account/ledger${query(page)}`, { signal }),
    /** One's own keys; a frontend may not see them. */
    keys: ({ signal }: CallOptions = {}) =>
      call<AccountKeyListView>('GET', '/v1/account/keys', { signal }),
    /** The answer is the only place where the key is told. */
    createKey: (request: KeyRequest, { signal }: CallOptions = {}) =>
      call<NewKeyView>('POST', '/v1/account/keys', { json: request, signal }),
    rotateKey: (id: string, overlapS: number, { signal }: CallOptions = {}) =>
      call<NewKeyView>('POST', `/v1/account/keys/${encodeURIComponent(id)}/rotate`, {
        ...{ json: { overlap_s: overlapS }, signal },
      }),
    revokeKey: async (id: string, { signal }: CallOptions = {}): Promise<void> => {
      await call.raw('DELETE', `/v1/account/keys/${encodeURIComponent(id)}`, { signal });
    },
    plans: ({ signal }: CallOptions = {}) => call<PlanListView>('GET', '/v1/plans', { signal }),
    /** Who this account is, on which platform, and which accounts are part of it. */
    identities: ({ signal }: CallOptions = {}) =>
      call<IdentityListView>('GET', '/v1/account/identities', { signal }),
    unlink: async (id: string, { signal }: CallOptions = {}): Promise<void> => {
      await call.raw('DELETE', `/v1/account/identities/${encodeURIComponent(id)}`, { signal });
    },
    /** A code that links another account, told this once. */
    askLink: ({ signal }: CallOptions = {}) =>
      call<LinkView>('POST', '/v1/account/links', { signal }),
    lookLink: (code: string, { signal }: CallOptions = {}) =>
      call<LinkOfferView>('POST', '/v1/account/links/look', { json: { code }, signal }),
    confirmLink: (code: string, { signal }: CallOptions = {}) =>
      call<JoinedView>('POST', '/v1/account/links/confirm', { json: { code }, signal }),
    undoLink: async (account: string, { signal }: CallOptions = {}): Promise<void> => {
      await call.raw('POST', '/v1/account/links/undo', { json: { account }, signal });
    },
    models: ({ signal }: CallOptions = {}) => call<ModelListView>('GET', '/v1/models', { signal }),
    /** The named styles, for `style` of a request. */
    styles: ({ signal }: CallOptions = {}) => call<StyleListView>('GET', '/v1/styles', { signal }),
    /** A text model says it in more words: waited for, and paid for as text. */
    improvePrompt: (
      wish: { readonly prompt: string; readonly modality?: Modality; readonly model?: string },
      { signal }: CallOptions = {},
    ) => call<views.ImprovedPromptView>('POST', '/v1/prompts/improve', { json: wish, signal }),
    status: ({ signal }: CallOptions = {}) =>
      call<views.StatusView>('GET', '/v1/status', { signal }),

    uploadBlob: (bytes: BlobBytes, mediaType: string, { signal }: CallOptions = {}) =>
      call<BlobView>('POST', '/v1/blobs', {
        body: bytes,
        headers: { 'content-type': mediaType },
        timeoutMs: UPLOAD_TIMEOUT_MS,
        signal,
      }),
    /** The bytes of one output, by the `url` its view gives. */
    output: (url: string, { signal }: CallOptions = {}) =>
      call.raw('GET', url, { signal, timeoutMs: UPLOAD_TIMEOUT_MS }),

    /** Browsers only: joins (or makes) the local account; the cookie comes with the answer. */
    openSession: ({ signal }: CallOptions = {}) =>
      call<views.AccountView>('POST', '/v1/session', { signal }),
    /** How one can sign in here. */
    waysToSignIn: ({ signal }: CallOptions = {}) =>
      call<WaysView>('GET', '/v1/session/ways', { signal }),
    /** Send the browser to the answer's `url`. With `link` it is one more way into this account. */
    beginSignIn: (
      request: { provider: 'discord' | 'telegram'; return_to?: string; link?: boolean },
      { signal }: CallOptions = {},
    ) => call<SignInBegunView>('POST', '/v1/session/attempts', { json: request, signal }),
    beginPasskey: (purpose: 'session' | 'account', { signal }: CallOptions = {}) =>
      call<PasskeyBegunView>(
        'POST',
        purpose === 'session' ? '/v1/session/passkey/options' : '/v1/account/passkeys/options',
        { signal },
      ),
    usePasskey: (proof: { attempt: string; response: object }, { signal }: CallOptions = {}) =>
      call<views.AccountView>('POST', '/v1/session/passkey', { json: proof, signal }),
    addPasskey: (
      proof: { attempt: string; response: object; name: string },
      { signal }: CallOptions = {},
    ) => call<PasskeyView>('POST', '/v1/account/passkeys', { json: proof, signal }),
    sessions: ({ signal }: CallOptions = {}) =>
      call<SessionListView>('GET', '/v1/account/sessions', { signal }),
    endSession: async (id: string, { signal }: CallOptions = {}): Promise<void> => {
      await call.raw('DELETE', `/v1/account/sessions/${encodeURIComponent(id)}`, { signal });
    },
    closeSession: async ({ signal }: CallOptions = {}): Promise<void> => {
      await call.raw('DELETE', '/v1/session', { signal });
    },
  };
}

interface CallBody {
  readonly json?: unknown;
  readonly body?: BlobBytes;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A call that waits takes that much longer. */
const waiting = ({ signal, waitS }: WaitOptions, headers: Record<string, string> = {}): CallBody =>
  waitS === undefined
    ? { signal, headers }
    : {
        signal,
        headers: { ...headers, prefer: `wait=${waitS}` },
        timeoutMs: RETRY_POLICY.timeoutMs + waitS * 1000,
      };

/** For the calls of `admin.ts` as well. */
export function caller({ baseUrl = '', key, user, surroundings }: ClientOptions) {
  const world: Surroundings = {
    fetch: (url, init) => fetch(url, init),
    pause,
    random: Math.random,
    now: Date.now,
    ...surroundings,
  };
  const standing = authorization({ key, user });

  const raw = (method: string, path: string, given: CallBody): Promise<Response> => {
    const { json, body, headers, signal, timeoutMs = RETRY_POLICY.timeoutMs } = given;
    const typed = json === undefined ? {} : { 'content-type': 'application/json' };
    // Stored results may lie on another origin; the key must not travel there.
    const own = path.startsWith('/') ? standing : {};
    const init: RequestInit = { method, headers: { ...own, ...typed, ...headers } };
    if (signal) init.signal = signal;
    if (body) init.body = body;
    if (json !== undefined) init.body = JSON.stringify(json);
    const url = path.startsWith('/') ? baseUrl.replace(/\/$/, '') + path : path;
    return sendWithRetry(url, init, { ...RETRY_POLICY, timeoutMs }, world);
  };

  const call = async <View>(method: string, path: string, given: CallBody): Promise<View> => {
    const response = await raw(method, path, given);
    const type = response.headers.get('content-type') ?? '';
    if (!type.includes('json')) {
      await response.body?.cancel();
      const detail = `${path} did not answer as Tessera does. Is the address right?`;
      throw localProblem('not_tessera', detail, response.status);
    }
    return (await response.json()) as View;
  };

  return Object.assign(call, { raw });
}

/** Headers that say who calls; also sent when the live stream is opened. */
export function authorization(options: {
  readonly key?: string | undefined;
  readonly user?: string | undefined;
}): Record<string, string> {
  return {
    ...(options.key === undefined ? {} : { authorization: `Bearer ${options.key}` }),
    ...(options.user === undefined ? {} : { 'tessera-user': options.user }),
  };
}

// `crypto.randomUUID` is missing on pages that came over plain http from another machine.
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What is not said is left out. */
export function query(page: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(page) as [string, unknown][])
    if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? '' : `?${search}`;
}
