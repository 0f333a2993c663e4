// A long recording in pieces of half a minute to a minute, cut where it is quiet, so that no word is cut.
import { wrapPcm } from '../../sound-files/wav.ts';
import { WHISPER_RATE, type Sound } from './resample.ts';

export interface Piece {
  /** In samples at 16 kHz. */
  readonly from: number;
  readonly samples: Float32Array;
}

export interface PieceLengths {
  readonly secondsMin: number;
  readonly secondsMax: number;
}

/** Whisper looks at 30 s at a time: shorter pieces would cost as much, longer ones tell progress too rarely. */
const LENGTHS: PieceLengths = { secondsMin: 30, secondsMax: 60 };

/** What counts is how loud a breath is, not a sample. */
const BREATH = Math.round(0.3 * WHISPER_RATE);
const HOP = Math.round(0.05 * WHISPER_RATE);

export function* piecesOf(sound: Sound, lengths: PieceLengths = LENGTHS): Generator<Piece> {
  const min = Math.round(lengths.secondsMin * WHISPER_RATE);
  const max = Math.round(lengths.secondsMax * WHISPER_RATE);
  for (let from = 0; from < sound.length;) {
    const rest = sound.length - from;
    const window = sound.read(from, from + Math.min(rest, max));
    const length = rest <= max ? rest : quietest(window, min);
    yield { from, samples: window.subarray(0, length) };
    from += length;
  }
}

/** The middle of the quietest breath from `from` on; of equally quiet ones the last, for longer pieces. */
export function quietest(samples: Float32Array, from: number): number {
  let best = { at: samples.length, energy: Infinity };
  for (let at = from; at + BREATH <= samples.length; at += HOP) {
    let energy = 0;
    for (let index = at; index < at + BREATH; index += 1) energy += samples[index]! ** 2;
    if (energy <= best.energy) best = { at: at + Math.floor(BREATH / 2), energy };
  }
  return best.at;
}

/** -66 dB: nothing that anybody said. Whisper is known to invent words for silence, so it is not asked. */
const SILENCE_PEAK = 0.0005;

export const isSilent = (samples: Float32Array): boolean =>
  samples.every((sample) => Math.abs(sample) < SILENCE_PEAK);

/** 16 kHz, one channel, 16 bits: what every server reads. */
export function wavOf(samples: Float32Array): Uint8Array {
  const data = Buffer.alloc(samples.length * 2);
  for (const [index, sample] of samples.entries()) {
    const level = Math.round(sample * 32_767);
    data.writeInt16LE(Math.max(-32_768, Math.min(32_767, level)), index * 2);
  }
  return wrapPcm(data, WHISPER_RATE);
}
