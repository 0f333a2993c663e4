// How long a recording is, as its container tells, without decoding it. A guess by its size where the container
// does not say: it decides how long transcribing may take, not what it costs.

/** 32 kbit/s: what speech is often sent at. */
const BYTES_PER_SECOND = 4_000;
/** 4 kbit/s: nothing is denser. What a container says beyond that is not believed. */
const BYTES_PER_SECOND_MIN = 500;

/** @param mediaType as the first bytes told it */
export const secondsOf = (bytes: Buffer, mediaType: string): number =>
  toldSeconds(bytes, mediaType) ?? bytes.byteLength / BYTES_PER_SECOND;

/** Null where the container says nothing, or what cannot be. */
export function toldSeconds(bytes: Buffer, mediaType: string): number | null {
  const told = TOLD_BY[mediaType]?.(bytes) ?? null;
  const isLikely = told !== null && told > 0 && told <= bytes.byteLength / BYTES_PER_SECOND_MIN;
  return isLikely ? told : null;
}

type Reader = (bytes: Buffer) => number | null;

/** Reads inside the buffer only: what lies about its length has none. */
const safely =
  (read: Reader): Reader =>
  (bytes) => {
    try {
      const seconds = read(bytes);
      return seconds !== null && Number.isFinite(seconds) ? seconds : null;
    } catch (error) {
      if (error instanceof RangeError) return null;
      throw error;
    }
  };

const wav: Reader = (bytes) => {
  const format = bytes.indexOf('fmt ', 12, 'latin1');
  return format < 0 ? null : (bytes.byteLength - format) / bytes.readUInt32LE(format + 16);
};

/** The first block: 20 bits of sample rate, and after 8 others 36 bits of samples. */
const flac: Reader = (bytes) => {
  const rate = bytes.readUIntBE(18, 3) >> 4;
  const samples = (bytes.readUInt8(21) & 0xf) * 2 ** 32 + bytes.readUInt32BE(22);
  return samples / rate;
};

/** The last page says how many samples there were up to it. */
const ogg: Reader = (bytes) => {
  const page = bytes.lastIndexOf('OggS', undefined, 'latin1');
  const vorbis = bytes.indexOf('\x01vorbis', 0, 'latin1');
  // Opus counts in 48 kHz, whatever was recorded.
  const rate = vorbis < 0 ? 48_000 : bytes.readUInt32LE(vorbis + 12);
  return Number(bytes.readBigUInt64LE(page + 6)) / rate;
};

/** The header of the movie; where it is written in pieces it says 0. */
const mp4: Reader = (bytes) => {
  const header = bytes.indexOf('mvhd', 0, 'latin1');
  if (header < 0) return null;
  return bytes.readUInt8(header + 4) === 1
    ? Number(bytes.readBigUInt64BE(header + 28)) / bytes.readUInt32BE(header + 24)
    : bytes.readUInt32BE(header + 20) / bytes.readUInt32BE(header + 16);
};

const CLUSTER = Buffer.from('1f43b675', 'hex');
const TIMECODE = 0xe7;

/** Recorders in browsers leave the length open: the last cluster says when it begins, in milliseconds. */
const webm: Reader = (bytes) => {
  const cluster = bytes.lastIndexOf(CLUSTER);
  if (cluster < 0) return null;
  // Behind the cluster's own size, of one to eight bytes.
  const at = bytes.indexOf(TIMECODE, cluster + 4);
  if (at < 0 || at > cluster + 16) return null;
  const length = bytes.readUInt8(at + 1) & 0x7f;
  return length > 6 ? null : bytes.readUIntBE(at + 2, length) / 1000;
};

const KBITS = {
  v1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  v2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const RATES = [44_100, 48_000, 32_000];

/** From the first frame: how many there are if an encoder of changing rates says so, else by its rate. */
const mp3: Reader = (bytes) => {
  const isTagged = bytes.toString('latin1', 0, 3) === 'ID3';
  const tag = isTagged
    ? 10 + [6, 7, 8, 9].reduce((size, at) => size * 128 + (bytes.readUInt8(at) & 0x7f), 0)
    : 0;
  const frame = bytes.indexOf(0xff, tag);
  if (frame < 0) return null;
  const version = (bytes.readUInt8(frame + 1) >> 3) & 3;
  const [rateAt, kbitsAt] = [
    (bytes.readUInt8(frame + 2) >> 2) & 3,
    bytes.readUInt8(frame + 2) >> 4,
  ];
  const isFirst = version === 3;
  const kbits = KBITS[isFirst ? 'v1' : 'v2'][kbitsAt];
  const rate = RATES[rateAt];
  if (!kbits || rate === undefined || version === 1) return null;
  const head = bytes.toString('latin1', frame, frame + 64);
  const counted = ['Xing', 'Info'].map((name) => head.indexOf(name)).find((at) => at >= 0);
  if (counted !== undefined && (bytes.readUInt32BE(frame + counted + 4) & 1) === 1) {
    const [samples, divisor] = isFirst ? [1152, 1] : [576, version === 2 ? 2 : 4];
    return (bytes.readUInt32BE(frame + counted + 8) * samples) / (rate / divisor);
  }
  return ((bytes.byteLength - frame) * 8) / (kbits * 1000);
};

const TOLD_BY: Readonly<Record<string, Reader>> = {
  'audio/wav': safely(wav),
  'audio/flac': safely(flac),
  'audio/ogg': safely(ogg),
  'audio/mp4': safely(mp4),
  'video/mp4': safely(mp4),
  'video/quicktime': safely(mp4),
  'video/webm': safely(webm),
  'video/x-matroska': safely(webm),
  'audio/mpeg': safely(mp3),
};
