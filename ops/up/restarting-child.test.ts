import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { BACKOFF_MS, keepRunning, type RestartingChild } from './restarting-child.ts';

/** Stands for a process: it records signals and dies when told. */
class FakeProcess extends EventEmitter {
  readonly pid = 4711;
  readonly signals: string[] = [];
  kill(signal: string): boolean {
    this.signals.push(signal);
    return true;
  }
  die(code: number | null, signal: string | null = null): void {
    this.emit('exit', code, signal);
  }
}

describe('a child that is kept running', () => {
  let started: FakeProcess[];
  let said: string[];
  let refusals: number;
  let now: number;
  let timers: { at: number; action: () => void }[];
  let child: RestartingChild;
  const latest = (): FakeProcess => started.at(-1) as FakeProcess;
  const pass = (ms: number): void => {
    now += ms;
    const due = timers.filter((timer) => timer.at <= now);
    timers = timers.filter((timer) => timer.at > now);
    due.forEach((timer) => timer.action());
  };

  beforeEach(() => {
    [started, said, refusals, now, timers] = [[], [], 0, 0, []];
    child = keepRunning({
      name: 'runtime',
      spawn: () => {
        started.push(new FakeProcess());
        return latest() as unknown as ChildProcess;
      },
      say: (sentence) => said.push(sentence),
      onRefused: () => (refusals += 1),
      clock: {
        now: () => now,
        after: (delayMs, action) => {
          const timer = { at: now + delayMs, action };
          timers.push(timer);
          return () => (timers = timers.filter((other) => other !== timer));
        },
      },
    });
  });

  it('is started again after a pause that grows, and says how it ended', () => {
    for (const [index, pauseMs] of [...BACKOFF_MS, BACKOFF_MS.at(-1) ?? 0].entries()) {
      latest().die(null, 'SIGKILL');
      pass(pauseMs - 1);
      expect(started).toHaveLength(index + 1);
      pass(1);
      expect(started).toHaveLength(index + 2);
    }
    expect(said[0]).toBe('The runtime has ended (SIGKILL). It is started again in 0.25 s.');
  });

  it('forgets its deaths once it has been up for a while', () => {
    latest().die(1);
    pass(BACKOFF_MS[0]);
    pass(3_600_000);
    latest().die(1);
    pass(BACKOFF_MS[0]);
    expect(started).toHaveLength(3);
  });

  it('is left alone when it refused what it was given', () => {
    latest().die(2);
    pass(3_600_000);
    expect([started.length, refusals]).toEqual([1, 1]);
  });

  it('stops on SIGTERM, and by SIGKILL when the time is over', async () => {
    const stopped = child.stop(5_000);
    expect(latest().signals).toEqual(['SIGTERM']);
    pass(5_000);
    expect(latest().signals).toEqual(['SIGTERM', 'SIGKILL']);
    latest().die(null, 'SIGKILL');
    await stopped;
    pass(3_600_000);
    expect(started).toHaveLength(1);
  });

  it('leaves a process that stopped in time without SIGKILL', async () => {
    const stopped = child.stop(5_000);
    latest().die(0);
    await stopped;
    pass(3_600_000);
    expect(latest().signals).toEqual(['SIGTERM']);
  });

  it('does not come back when it is stopped during the pause', async () => {
    latest().die(1);
    await child.stop(5_000);
    pass(3_600_000);
    expect(started).toHaveLength(1);
  });

  it('is replaced at once when asked to restart', () => {
    child.restart();
    expect(latest().signals).toEqual(['SIGTERM']);
    latest().die(0);
    expect(started).toHaveLength(2);
    expect(said).toEqual([]);
  });
});
