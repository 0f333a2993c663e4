import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onStopSignals } from './signals.ts';

function listen() {
  const source = new EventEmitter();
  const heard: string[] = [];
  const clock = { now: 1_000 };
  const ignore = onStopSignals(
    { stop: (reason) => heard.push(reason), hurry: () => heard.push('hurry') },
    source,
    () => clock.now,
  );
  return { source, heard, clock, ignore };
}

describe('asked to stop', () => {
  it('takes one Ctrl-C that arrives three times for one', () => {
    const { source, heard, clock } = listen();
    source.emit('SIGINT');
    clock.now += 5;
    source.emit('SIGINT');
    clock.now += 5;
    source.emit('SIGTERM');
    expect(heard).toEqual(['SIGINT']);
  });

  it('hears a second Ctrl-C of an impatient person', () => {
    const { source, heard, clock } = listen();
    source.emit('SIGINT');
    clock.now += 1_500;
    source.emit('SIGINT');
    expect(heard).toEqual(['SIGINT', 'hurry']);
  });

  it('stops when the parent is gone, which is never a second wish', () => {
    const { source, heard, clock } = listen();
    source.emit('disconnect');
    clock.now += 1_500;
    source.emit('disconnect');
    expect(heard).toEqual(['disconnect']);
  });

  it('leaves nothing behind', () => {
    const { source, ignore } = listen();
    ignore();
    expect(source.eventNames()).toEqual([]);
  });
});
