// The calls of /v1/admin by which an operator runs the queue and the workers, typed. For a key of kind admin.
import type * as views from '../../machines/contract/admin-views.ts';
import type { DeliveryListView } from '../../machines/contract/frontend-views.ts';
import { caller, query, type CallOptions, type ClientOptions } from './http.ts';

export type AdminClient = ReturnType<typeof createAdminClient>;

export type WorkerWish = 'drain' | 'resume' | 'quarantine';
export type PinWish = 'pin' | 'unpin';

export interface ActorName {
  readonly kind: views.ActorView['kind'];
  readonly id: string;
  /** Whose job it is; workers and quotas need none. */
  readonly account?: string | undefined;
}

export interface ActorFilter {
  readonly kind?: ActorName['kind'] | undefined;
  readonly account?: string | undefined;
  readonly id?: string | undefined;
  readonly condition?: 'open' | 'settled' | 'parked' | undefined;
  readonly limit?: number | undefined;
}

export function createAdminClient(options: ClientOptions) {
  const call = caller(options);
  const actorPath = (kind: string, id: string) =>
    `/v1/admin/actors/${kind}/${encodeURIComponent(id)}`;
  const workerPath = (id: string) => `/v1/admin/workers/${encodeURIComponent(id)}`;
  return {
    queue: ({ signal }: CallOptions = {}) =>
      call<views.QueueView>('GET', '/v1/admin/queue', { signal }),
    pause: (target: views.PauseRequest = {}, { signal }: CallOptions = {}) =>
      call<views.QueueView>('POST', '/v1/admin/queue/pause', { json: target, signal }),
    resume: (target: views.PauseRequest = {}, { signal }: CallOptions = {}) =>
      call<views.QueueView>('POST', '/v1/admin/queue/resume', { json: target, signal }),
    move: (job: string, to: views.MoveRequest['to'], { signal }: CallOptions = {}) =>
      call<views.MoveView>('POST', `/v1/admin/jobs/${encodeURIComponent(job)}/move`, {
        json: { to },
        signal,
      }),

    /** Those that were turned last. */
    actors: (which: ActorFilter = {}, { signal }: CallOptions = {}) =>
      call<views.ActorListView>('GET', `/v1/admin/actors${query(which)}`, { signal }),
    actor: ({ kind, id, account }: ActorName, { signal }: CallOptions = {}) =>
      call<views.ActorView>('GET', `${actorPath(kind, id)}${query({ account })}`, { signal }),
    /** Turns after a revision, oldest first. */
    journal: (
      { kind, id, account }: ActorName,
      page: { readonly after?: number; readonly limit?: number } = {},
      { signal }: CallOptions = {},
    ) =>
      call<views.JournalView>(
        'GET',
        `${actorPath(kind, id)}/journal${query({ account, ...page })}`,
        {
          signal,
        },
      ),

    /** What no bot could bring to anybody, newest first. */
    deadDeliveries: ({ signal }: CallOptions = {}) =>
      call<DeliveryListView>('GET', '/v1/admin/deliveries?limit=100', { signal }),
    retryDelivery: async (job: string, { signal }: CallOptions = {}): Promise<void> => {
      await call.raw('POST', `/v1/admin/deliveries/${encodeURIComponent(job)}/retry`, {
        json: {},
        signal,
      });
    },

    workers: ({ signal }: CallOptions = {}) =>
      call<views.AdminWorkerListView>('GET', '/v1/admin/workers', { signal }),
    askWorker: (id: string, wish: WorkerWish, { signal }: CallOptions = {}) =>
      call<views.AdminWorkerView>('POST', `${workerPath(id)}/${wish}`, { signal }),
    askToKeep: (id: string, wish: PinWish, model: string, { signal }: CallOptions = {}) =>
      call<views.AdminWorkerView>('POST', `${workerPath(id)}/${wish}`, { json: { model }, signal }),
  };
}
