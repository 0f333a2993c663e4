// Engines report as often as they like; people see a few pictures a second. The latest report wins.
import type { EngineUpdate } from '../../machines/contract/engine.ts';
import type { AgentFrameOf } from '../../machines/contract/worker-protocol.ts';
import type { Timers } from './seams.ts';

type ProgressUpdate = Extract<EngineUpdate, { type: 'progress' }>;
type ProgressFrame = AgentFrameOf<'progress'>;

const INTERVAL_MS = 200;
/** The protocol's limit for a preview's data URL. */
const PREVIEW_CHARACTERS_MAX = 262_144;

export interface ProgressReporter {
  report(update: ProgressUpdate): void;
  /** After a reconnect: where the work stands now. */
  repeat(): void;
  stop(): void;
}

export function createProgressReporter(
  attempt: { readonly job: string; readonly attempt: number },
  timers: Timers,
  send: (frame: ProgressFrame) => void,
): ProgressReporter {
  let latest: ProgressFrame | undefined;
  let preview: ProgressUpdate['preview'];
  let isPreviewNew = false;
  let sentAt = -Infinity;
  let callOff: (() => void) | undefined;
  let stopped = false;

  const flush = () => {
    callOff = undefined;
    sentAt = timers.now();
    if (latest === undefined) return;
    // A picture that was already sent is not worth its bytes a second time.
    const url = isPreviewNew && preview !== undefined ? dataUrl(preview) : undefined;
    isPreviewNew = false;
    send({ ...latest, ...(url !== undefined && { preview: url }) });
  };

  return {
    report: (update) => {
      if (stopped) return;
      if (update.preview !== undefined) {
        preview = update.preview;
        isPreviewNew = true;
      }
      latest = {
        type: 'progress',
        job: attempt.job,
        attempt: attempt.attempt,
        // Never backwards, whatever an engine counts.
        fraction: Math.min(1, Math.max(update.fraction || 0, latest?.fraction ?? 0)),
        ...(update.step !== undefined && { step: Math.round(update.step) }),
        ...(update.steps !== undefined && { steps: Math.round(update.steps) }),
      };
      const waitMs = sentAt + INTERVAL_MS - timers.now();
      if (waitMs <= 0) flush();
      else callOff ??= timers.after(waitMs, flush);
    },
    repeat: () => {
      if (stopped || latest === undefined) return;
      isPreviewNew = true;
      callOff?.();
      flush();
    },
    stop: () => {
      stopped = true;
      callOff?.();
    },
  };
}

function dataUrl(preview: NonNullable<ProgressUpdate['preview']>): string | undefined {
  const url = `data:${preview.mediaType};base64,${Buffer.from(preview.bytes).toString('base64')}`;
  return url.startsWith('data:image/') && url.length <= PREVIEW_CHARACTERS_MAX ? url : undefined;
}
