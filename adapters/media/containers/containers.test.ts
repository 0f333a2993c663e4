// Sounds and films keep what is heard and seen of them, and lose what they tell besides.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Damaged } from '../bad-file.ts';
import { box, element, mp4Of, SECRET, wavOf, webmOf } from '../files-testing.ts';
import { cleanContainer } from './clean.ts';

const sample = (name: string) =>
  readFileSync(new URL(`../../worker/engines/sound-files/samples/${name}`, import.meta.url));
const clean = (bytes: Buffer, mediaType: string) => cleanContainer(bytes, mediaType);
const tells = (bytes: Buffer): boolean => bytes.includes(SECRET) || bytes.includes('Hidden');

describe('what it tells is gone', () => {
  it('from WAV, with what lies behind it', () => {
    const sent = Buffer.concat([wavOf(1), Buffer.from('<script>')]);
    const kept = clean(sent, 'audio/wav');
    expect(tells(sent)).toBe(true);
    expect(tells(kept)).toBe(false);
    expect(kept.includes('<script>')).toBe(false);
    expect(kept.byteLength).toBe(12 + 24 + 8 + 8000);
    expect(kept.readUInt32LE(4)).toBe(kept.byteLength - 8);
    expect(clean(kept, 'audio/wav')).toEqual(kept);
  });

  it('from MP4, where everything stays in its place', () => {
    const sent = mp4Of();
    const kept = clean(sent, 'video/mp4');
    expect([tells(sent), tells(kept)]).toEqual([true, false]);
    expect(kept.byteLength).toBe(sent.byteLength);
    expect(kept.indexOf('the samples')).toBe(sent.indexOf('the samples'));
    expect(kept.includes(Buffer.from('deadbeef', 'hex'))).toBe(false);
    expect(kept.readUInt32BE(kept.indexOf('mvhd') + 20)).toBe(5000);
    expect(kept.includes('\xa9xyz', 0, 'latin1')).toBe(false);
    for (const name of ['ftyp', 'moov', 'trak', 'tkhd', 'mdat'])
      expect(kept.includes(name)).toBe(true);
    expect(clean(kept, 'video/mp4')).toEqual(kept);
  });

  it.each([false, true])('from WebM, also where its lengths are open (%s)', (isOpen) => {
    const sent = webmOf(isOpen);
    const kept = clean(sent, 'video/webm');
    expect([tells(sent), tells(kept)]).toEqual([true, false]);
    expect(kept.byteLength).toBe(sent.byteLength);
    expect(kept.indexOf('the samples')).toBe(sent.indexOf('the samples'));
    expect(clean(kept, 'video/webm')).toEqual(kept);
  });

  it('from MP3: tags before and behind it', () => {
    const sound = sample('tone.mp3');
    const bare = clean(sound, 'audio/mpeg');
    const id3 = Buffer.concat([
      Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, SECRET.length]),
      Buffer.from(SECRET),
    ]);
    const ape = Buffer.concat([Buffer.from(SECRET), Buffer.from('APETAGEX'), Buffer.alloc(24)]);
    ape.writeUInt32LE(SECRET.length + 32, SECRET.length + 12);
    const tag = Buffer.concat([Buffer.from('TAG'), Buffer.from(SECRET), Buffer.alloc(97)]);
    const sent = Buffer.concat([id3, id3, bare, ape, tag]);
    expect(tag.byteLength).toBe(128);
    expect(clean(sent, 'audio/mpeg')).toEqual(bare);
    expect(clean(sample('tone-24000.aac'), 'audio/aac').byteLength).toBeGreaterThan(500);
  });

  it('from FLAC, which keeps its frames', () => {
    const sound = sample('tone.flac');
    const comment = Buffer.concat([Buffer.from([4, 0, 0, SECRET.length]), Buffer.from(SECRET)]);
    const sent = Buffer.concat([sound.subarray(0, 42), comment, sound.subarray(42)]);
    sent[4] = sent[4]! & 0x7f;
    const isOnlyBlock = (sound[4]! & 0x80) !== 0;
    if (isOnlyBlock) sent[42] = 0x84;
    const kept = clean(sent, 'audio/flac');
    expect([tells(sent), tells(kept)]).toEqual([true, false]);
    expect(kept).toEqual(clean(sound, 'audio/flac'));
    const frames = sound.indexOf(Buffer.from('fff8', 'hex'), 42);
    expect(kept.subarray(-1000)).toEqual(sound.subarray(-1000));
    expect(kept.includes(sound.subarray(frames, frames + 64))).toBe(true);
  });

  it('from Ogg, with checksums that hold', () => {
    const sound = sample('tone.opus');
    const at = sound.indexOf('OpusTags');
    const vendor = sound.readUInt32LE(at + 8);
    const first = at + 12 + vendor;
    const count = sound.readUInt32LE(first);
    expect(count).toBeGreaterThan(0);
    const kept = clean(sound, 'audio/ogg');
    expect(kept.byteLength).toBe(sound.byteLength);
    const length = sound.readUInt32LE(first + 4);
    const comment = kept.toString('latin1', first + 8, first + 8 + length);
    expect(comment).toMatch(/^[^=]+= +$/);
    // The page before it is as it was, and its checksum can be made again: cleaning twice changes nothing.
    expect(kept.subarray(0, at - 40)).toEqual(sound.subarray(0, at - 40));
    expect(clean(kept, 'audio/ogg')).toEqual(kept);
    expect(kept).not.toEqual(sound);
  });
});

describe('a file that lies', () => {
  const cases: [string, string, Buffer][] = [
    ['WAV without a format', 'audio/wav', wavOf(1).subarray(0, 20)],
    ['MP4 whose box is longer than the file', 'video/mp4', mp4Of().subarray(0, 60)],
    ['MP4 with a box of no size', 'video/mp4', Buffer.concat([box('ftyp'), Buffer.alloc(64, 1)])],
    ['MP4 without a movie', 'video/mp4', box('ftyp', Buffer.from('isom'))],
    ['WebM that ends in the middle', 'video/webm', webmOf().subarray(0, 80)],
    ['WebM with another file behind it', 'video/webm', Buffer.concat([webmOf(), webmOf()])],
    [
      'WebM with a nameless element',
      'video/webm',
      Buffer.concat([element('1a45dfa3'), Buffer.alloc(9)]),
    ],
    [
      'MP3 that is text',
      'audio/mpeg',
      Buffer.from('ID3\x04\0\0\0\0\0\0#EXTM3U\nfile:///etc/passwd'),
    ],
    ['FLAC without frames', 'audio/flac', sample('tone.flac').subarray(0, 42)],
    [
      'Ogg that stops being Ogg',
      'audio/ogg',
      Buffer.concat([sample('tone.opus'), Buffer.from('<html>')]),
    ],
    ['a playlist', 'application/vnd.apple.mpegurl', Buffer.from('#EXTM3U')],
  ];
  it.each(cases)('%s is refused', (_, mediaType, bytes) => {
    let error: unknown;
    try {
      clean(bytes, mediaType);
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof Damaged || error instanceof RangeError, String(error)).toBe(true);
  });

  it('never does worse, wherever it is cut', () => {
    const whole: [string, Buffer][] = [
      ['audio/wav', wavOf(1).subarray(0, 400)],
      ['video/mp4', mp4Of()],
      ['video/webm', webmOf()],
      ['audio/ogg', sample('tone.opus').subarray(0, 1200)],
      ['audio/flac', sample('tone.flac').subarray(0, 300)],
    ];
    for (const [mediaType, bytes] of whole)
      for (let cut = 0; cut < bytes.byteLength; cut++)
        try {
          clean(bytes.subarray(0, cut), mediaType);
        } catch (error) {
          expect(
            error instanceof Damaged || error instanceof RangeError,
            `${mediaType} ${cut}: ${String(error)}`,
          ).toBe(true);
        }
  });
});
