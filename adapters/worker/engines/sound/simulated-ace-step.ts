// ACE-Step 1.5's API server: tasks in memory, asked for by id, every answer in an envelope.
import type { ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import type { SimulatedRequest } from '../simulator-testing.ts';
import {
  bodyOf,
  remember,
  reply,
  soundOf,
  work,
  type SimulatedTask,
  type SoundServer,
} from './simulator.ts';

/** Finished ones are forgotten from the oldest. */
const TASKS_KEPT = 20;
const STATUS = { queued: 0, running: 0, succeeded: 1, failed: 2 } as const;

export function forgetTasks(server: SoundServer): void {
  // Whatever still runs belongs to a process that is gone.
  server.tasks.clear();
}

export function answerAceStep(
  server: SoundServer,
  request: SimulatedRequest,
  response: ServerResponse,
): void {
  const said = bodyOf(request);
  const wrapped = (data: unknown) =>
    reply(response, 200, { data, code: 200, error: null, timestamp: Date.now(), extra: null });
  switch (`${request.method} ${request.path}`) {
    case 'GET /health':
      return wrapped({ status: 'ok', service: 'ACE-Step API', version: '1.0' });
    case 'GET /v1/models':
      return wrapped({ models: modelsOf(server), default_model: 'music' });
    case 'POST /v1/init':
      server.loaded.add(String(said['model']));
      return wrapped({ message: 'Model initialization completed', loaded_model: said['model'] });
    case 'GET /v1/stats':
      return wrapped({
        jobs: countsOf(server),
        queue_size: 0,
        queue_maxsize: 200,
        avg_job_seconds: 5,
      });
    case 'POST /release_task':
      return wrapped({ task_id: releaseTask(server, said), status: 'queued', queue_position: 1 });
    case 'POST /query_result':
      return wrapped((said['task_id_list'] as string[]).map((id) => entryOf(server, id)));
    case 'GET /v1/audio':
      return sendFile(server, request.query.get('path') ?? '', response);
    default:
      return reply(response, 404, { detail: 'Not Found' });
  }
}

const modelsOf = ({ models, loaded }: SoundServer) =>
  [...models].map((name) => ({ name, is_default: name === 'music', is_loaded: loaded.has(name) }));

function countsOf({ tasks }: SoundServer): Record<string, number> {
  const states = [...tasks.values()].map(({ state }) => state);
  const count = (state: SimulatedTask['state']) => states.filter((each) => each === state).length;
  const [queued, running] = [count('queued'), count('running')];
  const [succeeded, failed] = [count('succeeded'), count('failed')];
  return { total: states.length, queued, running, succeeded, failed };
}

function releaseTask(server: SoundServer, said: Record<string, unknown>): string {
  remember(server, said);
  const workMs = Number(said['audio_duration']) * server.mishaps.msPerSecond;
  const id = randomUUID();
  const task: SimulatedTask = { id, state: 'queued', startedAt: 0, workMs, said, error: null };
  server.tasks.set(id, task);
  void carryOut(server, task);
  return id;
}

async function carryOut(server: SoundServer, task: SimulatedTask): Promise<void> {
  task.state = 'running';
  task.startedAt = performance.now();
  await work(server, task.workMs, null);
  const { isOutOfMemory } = server.mishaps;
  const isGone = !server.models.has(String(task.said['model']));
  if (isOutOfMemory) task.error = 'CUDA out of memory. Tried to allocate 2.00 GiB.';
  else if (isGone) task.error = `Model '${String(task.said['model'])}' not found`;
  task.state = task.error === null ? 'succeeded' : 'failed';
  const ended = [...server.tasks.values()].filter(({ state }) => STATUS[state] > 0);
  for (const { id } of ended.slice(0, -TASKS_KEPT)) server.tasks.delete(id);
}

/** An id that nobody knows waits for ever. */
function entryOf({ tasks }: SoundServer, id: string): object {
  const task = tasks.get(id);
  if (task === undefined) return { task_id: id, status: 0, result: '[]', progress_text: '' };
  const status = STATUS[task.state];
  const progress = Math.min(1, (performance.now() - task.startedAt) / Math.max(1, task.workMs));
  const file = status === 1 ? `/v1/audio?path=${encodeURIComponent(`/tmp/api_audio/${id}`)}` : '';
  const entry = { file, wave: '', status, progress, stage: task.state, error: task.error };
  return {
    task_id: id,
    status,
    result: JSON.stringify([entry]),
    progress_text: task.state,
  };
}

function sendFile(server: SoundServer, path: string, response: ServerResponse): void {
  const task = server.tasks.get(path.replace('/tmp/api_audio/', ''));
  if (task === undefined) return reply(response, 404, { detail: 'Audio file not found' });
  const { audio_duration: seconds, seed, audio_format: format } = task.said;
  const file = soundOf(server, Number(seconds), Number(seed), String(format));
  response.writeHead(200, { 'content-type': 'audio/wav' }).end(file);
}
