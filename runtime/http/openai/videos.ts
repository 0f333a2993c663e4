// Films take minutes, so nothing is waited for: a video is a job under another name, looked at until it is there.
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { sizesOfBlobs } from '../../../db/queries/blobs.ts';
import { listJobs } from '../../../db/queries/jobs.ts';
import { jobRef } from '../../../machines/contract/ids.ts';
import type { VideoParams } from '../../../machines/contract/requests.ts';
import type { JobView, PublicState } from '../../../machines/contract/views.ts';
import type { JobContext } from '../../../machines/job/context.ts';
import { restore, type Actor } from '../../actor.ts';
import type { Host } from '../../host.ts';
import { contextOf, jobView } from '../../views.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { notValid } from '../bodies.ts';
import { refuse } from '../problems.ts';
import { findJob } from '../routes/jobs.ts';
import { removeOutputs, sendOutput } from '../routes/outputs.ts';
import { readForm } from './forms.ts';
import { modelFor } from './models.ts';
import { secondsOf } from './results.ts';
import { submit } from './run.ts';

const SIZE = /^(\d{2,4})x(\d{2,4})$/;
const request = z.object({
  model: z.string().max(64).optional(),
  prompt: z.string().min(1),
  seconds: z.coerce.number().min(0.5).max(60).optional(),
  size: z.string().regex(SIZE, 'must be WIDTHxHEIGHT').optional(),
});

const videoId = z.strictObject({ id: z.string().regex(/^video_[0-9a-z]{26}$/) });
const page = z.object({
  after: videoId.shape.id.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('desc'),
});
const jobOf = (id: string): string => id.replace('video_', 'job_');

const config = { access: 'person' } as const;
const tags = ['OpenAI'];

export function videoRoutes(app: App, host: Host): void {
  const find = async (caller: FastifyRequest, id: string): Promise<JobView> => {
    const { accountId } = callerOf(caller);
    const [video] = await stillThere(host, accountId, [await findJob(host, accountId, jobOf(id))]);
    if (!video) throw refuse('not_found', 'There is no video with this id, or not any more.');
    return jobView(video);
  };

  app.route({
    method: 'POST',
    url: '/v1/videos',
    config,
    schema: {
      tags,
      summary: 'Make a video',
      consumes: ['multipart/form-data', 'application/json'],
    },
    async handler(asked) {
      const form = asked.isMultipart()
        ? await readForm(host, asked)
        : { fields: asked.body, files: {} };
      const parsed = request.safeParse(form.fields);
      if (!parsed.success) throw notValid('This is not what the call accepts.', parsed.error);
      const [picture] = (form.files as Record<string, string[]>)['input_reference'] ?? [];
      const { prompt, seconds, size } = parsed.data;
      const model = modelFor(host, 'video', parsed.data.model);
      const [, width, height] = SIZE.exec(size ?? '') ?? [];
      const actor = await submit(host, asked, {
        modality: 'video',
        prompt,
        params: {
          ...(seconds === undefined ? {} : { seconds }),
          ...(width === undefined ? {} : { width: Number(width), height: Number(height) }),
        },
        inputs: picture === undefined ? [] : [{ blob: picture }],
        ...(model === undefined ? {} : { model }),
      });
      return videoOf(jobView(actor));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/videos',
    config,
    schema: { tags, summary: 'My videos, newest first', querystring: page },
    async handler(asked) {
      const { after, limit, order } = asked.query;
      const all = await videosOf(host, callerOf(asked).accountId);
      const sorted = order === 'asc' ? all.toReversed() : all;
      const from = after === undefined ? 0 : sorted.findIndex(({ id }) => id === after) + 1;
      const data = sorted.slice(from, from + limit);
      return {
        object: 'list' as const,
        data,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
        has_more: from + limit < sorted.length,
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/videos/:id',
    config,
    schema: { tags, summary: 'One video', params: videoId },
    handler: async (asked) => videoOf(await find(asked, asked.params.id)),
  });

  app.route({
    method: 'GET',
    url: '/v1/videos/:id/content',
    config,
    schema: { tags, summary: 'The bytes of a video', params: videoId },
    async handler(asked, reply) {
      const job = await find(asked, asked.params.id);
      if (job.state !== 'succeeded')
        throw refuse('not_found', `The video is not there: it is ${videoOf(job).status}.`);
      return sendOutput(host, asked, reply, callerOf(asked).accountId, job.id, 0);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/videos/:id',
    config,
    schema: {
      tags,
      summary: 'Remove a video, or cancel one that is not there yet',
      params: videoId,
    },
    async handler(asked) {
      const job = await find(asked, asked.params.id);
      const { accountId } = callerOf(asked);
      if (job.cancellable)
        await host.turns.post(jobRef(accountId, job.id), { type: 'job.cancelRequested' });
      else await removeOutputs(host, accountId, job.id);
      return { id: asked.params.id, object: 'video.deleted' as const, deleted: true };
    },
  });
}

/** Looked through at most: a list is for what is under way and what was made lately. */
const JOBS_LOOKED_THROUGH = 1_000;

async function videosOf(host: Host, accountId: string) {
  const videos: ReturnType<typeof videoOf>[] = [];
  let cursor: string | null = null;
  for (let seen = 0; seen < JOBS_LOOKED_THROUGH;) {
    const { rows, nextCursor } = await listJobs(host.pool, accountId, { limit: 100, cursor });
    const actors = rows.map((row) =>
      restore({ ...row, ref: jobRef(accountId, row.id), parked: false }),
    );
    for (const video of await stillThere(host, accountId, actors))
      videos.push(videoOf(jobView(video)));
    seen += rows.length;
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return videos;
}

/** The videos among them, without those whose results were removed. */
async function stillThere(host: Host, accountId: string, jobs: readonly Actor[]) {
  const videos = jobs.filter((job) => contextOf<JobContext>(job).spec.modality === 'video');
  const results = videos.map((job) => contextOf<JobContext>(job).run.outputs[0]?.blob ?? null);
  const ids = results.filter((blob) => blob !== null);
  const sizes = await sizesOfBlobs(
    host.pool,
    ids.map((id) => ({ accountId, id })),
  );
  const gone = new Set(ids.filter((_, n) => sizes[n] === null));
  return videos.filter((_, n) => !gone.has(results[n]!));
}

type Status = 'queued' | 'in_progress' | 'completed' | 'failed';
const STATUS: Readonly<Record<PublicState, Status>> = {
  queued: 'queued',
  running: 'in_progress',
  succeeded: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
  refused: 'failed',
};

function videoOf(job: JobView) {
  const { width, height, seconds } = job.params as VideoParams;
  const status = STATUS[job.state];
  return {
    id: job.id.replace('job_', 'video_'),
    object: 'video' as const,
    status,
    model: job.model,
    prompt: job.prompt,
    progress: status === 'completed' ? 100 : 0,
    seconds: String(seconds),
    size: `${width}x${height}`,
    created_at: secondsOf(job.created_at),
    completed_at: job.finished_at && status === 'completed' ? secondsOf(job.finished_at) : null,
    expires_at: null,
    remixed_from_video_id: null,
    error:
      status === 'failed'
        ? {
            code: job.failure?.code ?? job.state,
            message: job.failure?.message ?? `It was ${job.state}.`,
          }
        : null,
  };
}
