// The calls of /v1/admin by which an operator runs the queue and the workers, typed. For a key of kind admin.
import type * as views from '../../machines/contract/admin-views.ts';
import { caller, type CallOptions, type ClientOptions } from './http.ts';

export type AdminClient = ReturnType<typeof createAdminClient>;

export type WorkerWish = 'drain' | 'resume' | 'quarantine';
export type PinWish = 'pin' | 'unpin';

export function createAdminClient(options: ClientOptions) {
  const call = caller(options);
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

    workers: ({ signal }: CallOptions = {}) =>
      call<views.AdminWorkerListView>('GET', '/v1/admin/workers', { signal }),
    askWorker: (id: string, wish: WorkerWish, { signal }: CallOptions = {}) =>
      call<views.AdminWorkerView>('POST', `${workerPath(id)}/${wish}`, { signal }),
    askToKeep: (id: string, wish: PinWish, model: string, { signal }: CallOptions = {}) =>
      call<views.AdminWorkerView>('POST', `${workerPath(id)}/${wish}`, { json: { model }, signal }),
  };
}
