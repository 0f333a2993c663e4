// Films as MP4, through the ffmpeg of the machine if it has one.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Film } from './film.ts';

let known: Promise<boolean> | undefined;

/** Asked once: a program does not appear while the worker runs. */
export function hasFfmpeg(): Promise<boolean> {
  known ??= promisify(execFile)('ffmpeg', ['-hide_banner', '-encoders'], { timeout: 10_000 }).then(
    ({ stdout }) => stdout.includes('libx264'),
    () => false,
  );
  return known;
}

/** H.264 for every player: 4:2:0 colours, the index in front so that it plays while it loads. */
export async function encodeMp4(film: Film): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-film-'));
  const path = join(folder, 'film.mp4');
  // The rate is a fraction, so that frames over rate is the asked duration to the millisecond.
  const rate = `${film.frameCount * 1000}/${Math.round(film.seconds * 1000)}`;
  const ffmpeg = spawn(
    'ffmpeg',
    [
      ...['-hide_banner', '-loglevel', 'error', '-y'],
      ...[
        '-f',
        'rawvideo',
        '-pix_fmt',
        'rgb24',
        '-s',
        `${film.width}x${film.height}`,
        '-framerate',
        rate,
        '-i',
        '-',
      ],
      ...['-an', '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '19', '-pix_fmt', 'yuv420p'],
      ...[
        '-colorspace',
        'bt709',
        '-color_primaries',
        'bt709',
        '-color_trc',
        'bt709',
        '-movflags',
        '+faststart',
        path,
      ],
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  const ended = once(ffmpeg, 'close');
  let complaint = '';
  ffmpeg.stderr.on('data', (piece: Buffer) => void (complaint += String(piece).slice(0, 2000)));
  // Its end is told by its exit code; a broken pipe says nothing more.
  ffmpeg.stdin.on('error', () => {});
  try {
    for await (const frame of film.frames()) {
      if (!ffmpeg.stdin.write(frame)) await Promise.race([once(ffmpeg.stdin, 'drain'), ended]);
      if (ffmpeg.exitCode !== null) break;
    }
    ffmpeg.stdin.end();
    await ended;
    if (ffmpeg.exitCode !== 0)
      throw new Error(`ffmpeg ended with ${ffmpeg.exitCode}: ${complaint.trim()}`);
    return await readFile(path);
  } finally {
    ffmpeg.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
