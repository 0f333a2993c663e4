// What simulated servers hear: words that depend on nothing but the bytes, so that equal recordings have equal
// transcripts. It measures WAV as the real ones do and takes other kinds for granted.
import { createHash } from 'node:crypto';
import { kindOf } from './audio/kinds.ts';
import { openWav } from './audio/pcm.ts';

export interface HeardSegment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Heard {
  readonly seconds: number;
  readonly segments: readonly HeardSegment[];
}

const WORDS =
  'the old harbour keeps its lights on until every boat is home and nobody asks how late that was'.split(
    ' ',
  );
const SEGMENT_SECONDS = 3;
/** Below this the real servers hear nothing. */
const SECONDS_MIN = 0.1;
/** Models that were trained on windows of 30 s end their last words beyond the recording's end. */
const OVERSHOOT_SECONDS = 0.23;

/** Null: nothing that the server can decode. */
export function hear(file: Uint8Array): Heard | null {
  const kind = kindOf(file);
  if (kind === null || file.byteLength < 12) return null;
  const wav = openWav(file);
  if (wav === null && kind.demuxer === 'wav') return null;
  const seconds = wav ? wav.length / wav.rate : Math.max(1, file.byteLength / 8_000);
  const isHeard =
    seconds >= SECONDS_MIN && (wav === null || peakOf(wav.mono(0, wav.length)) > 0.0001);
  return { seconds, segments: isHeard ? speak(file, seconds) : [] };
}

function speak(file: Uint8Array, seconds: number): readonly HeardSegment[] {
  const digest = createHash('sha256').update(file).digest();
  const count = Math.ceil(seconds / SEGMENT_SECONDS);
  return Array.from({ length: count }, (_, index) => {
    const start = index * SEGMENT_SECONDS;
    const isLast = index === count - 1;
    const words = Array.from(
      { length: 6 },
      (_word, place) =>
        WORDS[(digest[(index * 6 + place) % digest.length]! + index) % WORDS.length]!,
    );
    return {
      text: ` ${words.join(' ')}`,
      start,
      end: isLast ? seconds + OVERSHOOT_SECONDS : start + SEGMENT_SECONDS,
    };
  });
}

const peakOf = (samples: Float32Array) =>
  samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
