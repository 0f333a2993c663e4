// Spoken sentences as samples, and how they become one file.
import { readWav, wrapPcm } from '../../sound-files/wav.ts';

export interface Sound {
  readonly rate: number;
  /** One channel. */
  readonly samples: Int16Array;
}

/** 16-bit mono PCM, which is all that the program writes. */
export function readSound(file: Uint8Array): Sound {
  const wav = readWav(file);
  if (wav?.frameBytes !== 2) throw new Error('This is not the WAV file that was expected.');
  const { rate, data } = wav;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const samples = Int16Array.from({ length: data.length / 2 }, (_, index) =>
    view.getInt16(index * 2, true),
  );
  return { rate, samples };
}

export function writeSound({ rate, samples }: Sound): Uint8Array {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  for (const [index, sample] of samples.entries()) view.setInt16(index * 2, sample, true);
  return wrapPcm(new Uint8Array(view.buffer), rate);
}

/** Joins sounds of one rate with a breath between them. */
export function joinSounds(sounds: readonly Sound[], pauseSeconds: number): Sound {
  const rate = sounds[0]!.rate;
  const pause = Math.round(pauseSeconds * rate);
  const length =
    sounds.reduce((sum, { samples }) => sum + samples.length, 0) + pause * (sounds.length - 1);
  const samples = new Int16Array(length);
  let at = 0;
  for (const sound of sounds) {
    samples.set(sound.samples, at);
    at += sound.samples.length + pause;
  }
  return { rate, samples };
}
