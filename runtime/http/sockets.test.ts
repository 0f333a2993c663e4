import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { BUFFERED_BYTES_MAX, closeSocket, keepAlive, onText, sendText } from './sockets.ts';

class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly texts: string[] = [];
  pings = 0;
  terminated = false;
  closed: [number, string] | null = null;
  send = (text: string) => void this.texts.push(text);
  ping = () => void (this.pings += 1);
  terminate = () => void (this.terminated = true);
  close = (code: number, reason: string) => void (this.closed = [code, reason]);
}
const open = () => {
  const fake = new FakeSocket();
  return { fake, socket: fake as unknown as WebSocket };
};

describe('the heartbeat of a socket', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('goes on while it is answered', () => {
    const { fake, socket } = open();
    const beat = vi.fn();
    keepAlive(socket, beat);
    for (let n = 1; n <= 3; n++) {
      vi.advanceTimersByTime(25_000);
      expect([fake.pings, beat.mock.calls.length, fake.terminated]).toEqual([n, n, false]);
      fake.emit('pong');
    }
  });

  it('ends a socket that has not answered the last one', () => {
    const { fake, socket } = open();
    keepAlive(socket);
    vi.advanceTimersByTime(49_999);
    expect(fake.terminated).toBe(false);
    vi.advanceTimersByTime(1);
    expect(fake.terminated).toBe(true);
  });

  it('stops with it', () => {
    const { fake, socket } = open();
    keepAlive(socket);
    fake.emit('close');
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('a close reason is always one that may be sent', () => {
  const { fake, socket } = open();
  closeSocket(socket, 1008, `höchstens ${'x'.repeat(500)}`);
  expect(fake.closed?.[0]).toBe(1008);
  expect(Buffer.byteLength(fake.closed![1])).toBeLessThanOrEqual(123);
});

it('reads nothing more of a socket that is closing', () => {
  const { fake, socket } = open();
  const heard: string[] = [];
  onText(socket, 10, (text) => heard.push(text));
  fake.emit('message', Buffer.from('before'), false);
  fake.readyState = 2;
  fake.emit('message', Buffer.from('after'), false);
  fake.emit('message', Buffer.from('much too large'), false);
  expect(heard).toEqual(['before']);
  expect(fake.closed).toBeNull();
});

describe('what waits for a slow reader', () => {
  it('is bounded: with more it is told to come back, and cut off', () => {
    const { fake, socket } = open();
    fake.bufferedAmount = BUFFERED_BYTES_MAX - 3;
    sendText(socket, 'abc');
    expect([fake.texts, fake.closed]).toEqual([['abc'], null]);
    const sent = vi.fn();
    sendText(socket, 'ö\u20ac', sent); // five bytes
    expect(fake.texts).toEqual(['abc']);
    expect([fake.closed?.[0], fake.terminated, sent.mock.calls.length]).toEqual([1013, true, 1]);
  });
});
