// The shape of a sound as a few bars.
const BARS = 72;
const SAMPLE_RATE_HZ = 16_000;

/** Peaks from 0 to 1. Throws when the browser cannot decode the file. */
export async function peaksOf(bytes: ArrayBuffer): Promise<number[]> {
  const context = new OfflineAudioContext(1, 1, SAMPLE_RATE_HZ);
  const sound = await context.decodeAudioData(bytes);
  return bars(sound.getChannelData(0), BARS);
}

export function bars(samples: Float32Array, count: number): number[] {
  const each = Math.max(1, Math.floor(samples.length / count));
  const peaks = Array.from({ length: count }, (_, n) => {
    let sum = 0;
    for (let at = n * each; at < (n + 1) * each; at += 1) sum += (samples[at] ?? 0) ** 2;
    return Math.sqrt(sum / each);
  });
  const loudest = Math.max(...peaks);
  return peaks.map((peak) => (loudest === 0 ? 0 : peak / loudest));
}

export const SILENCE: readonly number[] = Array.from({ length: BARS }, () => 0);
