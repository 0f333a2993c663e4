// What a webhook can be told of. Names are a promise.

/** By the public state that a job ends in. */
export const JOB_EVENTS = {
  succeeded: 'job.succeeded',
  failed: 'job.failed',
  cancelled: 'job.cancelled',
  expired: 'job.expired',
  refused: 'job.refused',
} as const;

export const WEBHOOK_EVENTS = Object.values(JOB_EVENTS);

/** Only ever on request. */
export const PING = 'webhook.ping';
