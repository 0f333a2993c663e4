// `pcm` as OpenAI's clients expect it: bare samples of 16 bits, little-endian, one channel, 24,000 a second. Made from
// the WAV that every voice here can deliver.

export const RAW_TYPE = 'audio/pcm';
const RATE = 24_000;
const SAMPLE_BYTES = 2;
const FULL_SCALE = 32_767;

interface Wav {
  readonly rate: number;
  readonly channels: number;
  /** Of one channel, from -1 to 1. */
  readonly sampleAt: (frame: number, channel: number) => number;
  readonly frames: number;
}

/** Null where this is no WAV whose samples are known here. */
export function rawFrom(file: Buffer): Buffer | null {
  const wav = readWav(file);
  if (!wav || wav.frames === 0) return null;
  const length = Math.max(1, Math.round((wav.frames * RATE) / wav.rate));
  const raw = Buffer.alloc(length * SAMPLE_BYTES);
  for (let n = 0; n < length; n++) {
    const at = Math.min((n * wav.rate) / RATE, wav.frames - 1);
    const before = Math.floor(at);
    const after = Math.min(before + 1, wav.frames - 1);
    const value = mixed(wav, before) + (mixed(wav, after) - mixed(wav, before)) * (at - before);
    raw.writeInt16LE(Math.round(Math.max(-1, Math.min(1, value)) * FULL_SCALE), n * SAMPLE_BYTES);
  }
  return raw;
}

function mixed({ channels, sampleAt }: Wav, frame: number): number {
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) sum += sampleAt(frame, channel);
  return sum / channels;
}

/** Of the two kinds of samples that speech servers write: whole numbers of 16 bits, and floats. */
const SAMPLES: Readonly<Record<string, (data: Buffer, at: number) => number>> = {
  '1/2': (data, at) => data.readInt16LE(at) / (FULL_SCALE + 1),
  '3/4': (data, at) => data.readFloatLE(at),
};

function readWav(file: Buffer): Wav | null {
  if (file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    return null;
  let format: Buffer | null = null;
  for (let at = 12; at + 8 <= file.length;) {
    const [name, bytes] = [file.toString('latin1', at, at + 4), file.readUInt32LE(at + 4)];
    const body = file.subarray(at + 8, at + 8 + bytes);
    if (name === 'fmt ') format = body;
    if (name === 'data') return wavOf(format, body);
    at += 8 + bytes + (bytes % 2);
  }
  return null;
}

function wavOf(format: Buffer | null, data: Buffer): Wav | null {
  if (!format || format.length < 16) return null;
  const channels = format.readUInt16LE(2);
  const frameBytes = format.readUInt16LE(12);
  const bytes = channels === 0 ? 0 : frameBytes / channels;
  const read = SAMPLES[`${format.readUInt16LE(0)}/${bytes}`];
  if (!read) return null;
  return {
    ...{ rate: format.readUInt32LE(4), channels, frames: Math.floor(data.length / frameBytes) },
    sampleAt: (frame, channel) => read(data, frame * frameBytes + channel * bytes),
  };
}
