// Films as animated WebP: plays in every browser, needs no program on the machine.
import sharp from 'sharp';
import type { Film } from './film.ts';

export async function encodeWebp(film: Film): Promise<Uint8Array> {
  const { width, height, frameCount } = film;
  const strip = new Uint8Array(width * height * 3 * frameCount);
  let at = 0;
  for await (const frame of film.frames()) {
    strip.set(frame, at);
    at += frame.length;
  }
  // Whole milliseconds that add up exactly to the asked duration.
  const dueMs = (frame: number) => Math.round((frame * film.seconds * 1000) / frameCount);
  const delay = Array.from({ length: frameCount }, (_, frame) => dueMs(frame + 1) - dueMs(frame));
  return sharp(strip, {
    limitInputPixels: false,
    raw: { width, height: height * frameCount, channels: 3, pageHeight: height },
  })
    .webp({ quality: 82, effort: 1, delay, loop: 0 })
    .toBuffer();
}
