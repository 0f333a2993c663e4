// Anything that is not plain PCM becomes samples through the ffmpeg of the machine, if it has one. The file is a
// stranger's: its kind is given, it may open nothing besides itself, and what comes out is bounded.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EngineFailure } from '../../../../../machines/contract/engine.ts';
import type { AudioKind } from './kinds.ts';
import { openSamples, type Pcm } from './pcm.ts';
import { WHISPER_RATE } from './resample.ts';

let known: Promise<boolean> | undefined;

/** Asked once: a program does not appear while the worker runs. */
export function hasFfmpeg(): Promise<boolean> {
  known ??= promisify(execFile)('ffmpeg', ['-version'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
  return known;
}

export async function convert(
  file: Uint8Array,
  { demuxer, name, extension }: AudioKind,
  secondsMax: number,
  signal: AbortSignal,
): Promise<Pcm> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-audio-'));
  try {
    // A file rather than a pipe: the index of an MP4 may stand at its end.
    const path = join(folder, `recording.${extension}`);
    await writeFile(path, file, { mode: 0o600 });
    signal.throwIfAborted();
    // One second more than allowed, so that what is too long is seen to be.
    const samples = await decode(
      ['-protocol_whitelist', 'file', '-f', demuxer, '-i', `file:${path}`],
      secondsMax + 1,
      signal,
    );
    if (samples === null)
      throw new EngineFailure('invalidInput', `This ${name} file cannot be decoded.`);
    return openSamples(samples, WHISPER_RATE);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function decode(
  input: readonly string[],
  seconds: number,
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const quiet = ['-hide_banner', '-loglevel', 'error', '-nostdin'];
  const output = ['-map', '0:a:0', '-t', String(seconds), '-ac', '1', '-ar', String(WHISPER_RATE)];
  const ffmpeg = spawn('ffmpeg', [...quiet, ...input, ...output, '-f', 's16le', '-'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const stop = () => ffmpeg.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const closed = once(ffmpeg, 'close');
  // Awaited below; a failure to start must not count as unhandled before.
  closed.catch(() => undefined);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of ffmpeg.stdout) chunks.push(chunk as Buffer);
    await closed;
    signal.throwIfAborted();
    return ffmpeg.exitCode === 0 && chunks.length > 0 ? Buffer.concat(chunks) : null;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
