// GET /api/jobs: the same facts as the queue and the history hold, in another form.
import type { createSimulatedWorker, Item } from './worker.ts';

type Worker = ReturnType<typeof createSimulatedWorker>;
type Fields = Record<string, unknown>;
interface Entry {
  readonly prompt: Item;
  readonly outputs: Record<string, Record<string, Fields[]>>;
  readonly status: { readonly completed: boolean; readonly messages: readonly [string, Fields][] };
}

const VALID = ['pending', 'in_progress', 'completed', 'failed'];

export function jobsOf(worker: Worker, query: URLSearchParams): { status: number; body: unknown } {
  const bad = (error: string) => ({ status: 400, body: { error } });
  const statuses = query.get('status')?.split(',');
  const invalid = statuses?.filter((status) => !VALID.includes(status)) ?? [];
  if (invalid.length > 0)
    return bad(`Invalid status value(s): ${invalid.join(', ')}. Valid values: ${VALID.join(', ')}`);
  const limit = query.has('limit') ? Number(query.get('limit')) : null;
  if (limit !== null && !(limit > 0)) return bad('limit must be a positive integer');
  const offset = Number(query.get('offset') ?? 0);
  const all = listed(worker).filter(
    (job) => statuses === undefined || statuses.includes(job['status'] as string),
  );
  const end = limit === null ? all.length : offset + limit;
  const pagination = { offset, limit, total: all.length, has_more: all.length > end };
  return { status: 200, body: { jobs: all.slice(offset, end), pagination } };
}

export function jobOf(worker: Worker, id: string): Fields | null {
  const entry = worker.history.get(id) as unknown as Entry | undefined;
  if (entry === undefined) return listed(worker).find((job) => job['id'] === id) ?? null;
  const { outputs, status } = entry;
  return { ...ended(entry), outputs, execution_status: status, workflow: workflowOf(entry.prompt) };
}

const workflowOf = ([, , prompt, extra_data]: Item) => ({ prompt, extra_data });

function listed(worker: Worker): Fields[] {
  const waiting = (status: string) => (item: Item) => ({
    ...{ id: item[1], status, priority: item[0], create_time: item[3].create_time },
    outputs_count: 0,
  });
  const running = worker.running();
  return [
    ...worker.pending.map(waiting('pending')).reverse(),
    ...(running ? [waiting('in_progress')(running)] : []),
    ...([...worker.history.values()] as unknown as Entry[]).reverse().map(ended),
  ];
}

function ended({ prompt, outputs, status }: Entry): Fields {
  const [priority, id, , { create_time }] = prompt;
  const error = status.messages.find(([name]) => name === 'execution_error')?.[1];
  const times = status.messages.map(([, data]) => data['timestamp']);
  const files = Object.entries(outputs).flatMap(([nodeId, kinds]) =>
    Object.entries(kinds).flatMap(([mediaType, all]) =>
      all.map((file) => ({ ...file, nodeId, mediaType })),
    ),
  );
  return {
    ...{ id, status: status.completed ? 'completed' : 'failed', priority, create_time },
    ...{ execution_start_time: times[0], execution_end_time: times.at(-1) },
    ...(error && { execution_error: error }),
    outputs_count: files.length,
    ...(files.length > 0 && { preview_output: files.at(-1) }),
  };
}
