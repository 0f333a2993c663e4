// The few bytes around samples that make them a WAV file.

export interface Sound {
  readonly rate: number;
  /** One channel. */
  readonly samples: Int16Array;
}

const HEADER_BYTES = 44;

/** Reads 16-bit mono PCM. The length in the header is not trusted: writers of streams leave it open. */
export function readWav(file: Uint8Array): Sound {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (
    file.byteLength < HEADER_BYTES ||
    ascii(file, 0, 4) !== 'RIFF' ||
    ascii(file, 36, 40) !== 'data'
  ) {
    throw new Error('This is not the WAV file that was expected.');
  }
  const count = (file.byteLength - HEADER_BYTES) >> 1;
  const samples = Int16Array.from({ length: count }, (_, index) =>
    view.getInt16(HEADER_BYTES + index * 2, true),
  );
  return { rate: view.getUint32(24, true), samples };
}

export function writeWav({ rate, samples }: Sound): Uint8Array {
  const dataBytes = samples.length * 2;
  const file = new Uint8Array(HEADER_BYTES + dataBytes);
  const view = new DataView(file.buffer);
  const text = (at: number, value: string) => file.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, dataBytes, true);
  for (const [index, sample] of samples.entries())
    view.setInt16(HEADER_BYTES + index * 2, sample, true);
  return file;
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

const ascii = (file: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...file.subarray(from, to));
