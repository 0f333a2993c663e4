import { describe, expect, it } from 'vitest';
import { fileNameOf, isShown, mediaTypeOf } from './media-types.ts';

const bytes = (latin1: string) => Buffer.from(latin1.padEnd(64, '\0'), 'latin1');

describe('a file is told by its first bytes', () => {
  it.each([
    ['\x89PNG\r\n\x1a\n', 'image/png'],
    ['\xff\xd8\xff\xe0', 'image/jpeg'],
    ['RIFF\0\0\0\0WEBP', 'image/webp'],
    ['GIF89a', 'image/gif'],
    ['\0\0\0\x20ftypavif', 'image/avif'],
    ['RIFF\0\0\0\0WAVE', 'audio/wav'],
    ['OggS', 'audio/ogg'],
    ['fLaC', 'audio/flac'],
    ['\0\0\0\x20ftypM4A ', 'audio/mp4'],
    ['ID3\x03', 'audio/mpeg'],
    ['\xff\xfb\x90', 'audio/mpeg'],
    ['\xff\xf1\x50', 'audio/aac'],
    ['\0\0\0\x20ftypisom', 'video/mp4'],
    ['\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01webm', 'video/webm'],
  ])('%j is %s', (head, type) => expect(mediaTypeOf(bytes(head))).toBe(type));

  it.each([
    '',
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">',
    '<!doctype html><script>',
    '#EXTM3U\nfile:///etc/passwd',
    'RIFF\0\0\0\0AVI ',
    '%PDF-1.7',
    'PK\x03\x04',
    '\xff\xff\xff',
    ' \x89PNG\r\n\x1a\n',
  ])('%j is none of ours', (head) => expect(mediaTypeOf(bytes(head))).toBeNull());

  it('or by none, when there are too few', () => {
    expect(mediaTypeOf(Buffer.from('\x89PN', 'latin1'))).toBeNull();
    expect(mediaTypeOf(Buffer.alloc(0))).toBeNull();
  });
});

describe('a result', () => {
  it.each([
    ['A heron, at dawn!', 0, 'image/png', 'a-heron-at-dawn.png'],
    ['A heron', 1, 'image/webp', 'a-heron-2.webp'],
    ['Ünïcode café', 0, 'audio/wav', 'u-ni-code-cafe.wav'],
    ['鷺', 0, 'image/png', 'tessera.png'],
    ['../../etc/passwd"\r\nx: y', 0, 'text/plain', 'etc-passwd-x-y.txt'],
    ['x'.repeat(500), 0, 'image/png', `${'x'.repeat(60)}.png`],
    ['page', 0, 'text/html', 'page.bin'],
  ])('of %j has a name that is safe everywhere', (prompt, n, type, name) => {
    expect(fileNameOf(prompt, n, type)).toBe(name);
  });

  it.each([
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'text/javascript',
    '__proto__',
    'toString',
  ])('of type %s is never shown in a browser', (type) => expect(isShown(type)).toBe(false));
});
