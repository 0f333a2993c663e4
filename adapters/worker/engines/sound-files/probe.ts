// What a file of sound really is. Names, content types and sizes in headers are not believed: the first bytes
// say the format, and the frames say how long it lasts.
import { readFlac } from './flac.ts';
import { readMp3 } from './mp3.ts';
import { readOpus } from './opus.ts';
import { readWav } from './wav.ts';

export const SOUND_FORMATS = ['wav', 'mp3', 'flac', 'opus'] as const;
export type SoundFormat = (typeof SOUND_FORMATS)[number];

export const MEDIA_TYPES: Readonly<Record<SoundFormat, string>> = {
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  flac: 'audio/flac',
  opus: 'audio/ogg',
};

export interface SoundFacts {
  readonly format: SoundFormat;
  readonly seconds: number;
  readonly rate: number;
  readonly channels: number;
}

/** Null for what is no sound in one of the formats, or has not even one moment of it. */
export function probeSound(file: Uint8Array): SoundFacts | null {
  const wav = readWav(file);
  if (wav !== null)
    return wav.data.length === 0
      ? null
      : factsOf('wav', { ...wav, samples: wav.data.length / wav.frameBytes });
  const flac = readFlac(file);
  if (flac !== null) return factsOf('flac', flac);
  const opus = readOpus(file);
  if (opus !== null) return factsOf('opus', opus);
  const mp3 = readMp3(file);
  return mp3 === null ? null : factsOf('mp3', mp3);
}

const factsOf = (
  format: SoundFormat,
  { rate, channels, samples }: { rate: number; channels: number; samples: number },
): SoundFacts => ({ format, seconds: samples / rate, rate, channels });
