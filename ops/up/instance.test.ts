import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstanceRunning, processMark, runningInstance, takeInstanceLock } from './instance.ts';

describe('one instance per home', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tessera-instance-'));
    path = join(folder, 'instance.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const leftBehind = (facts: object): void => {
    const startedAt = '2026-01-01T00:00:00.000Z';
    const rest = { startedAt, command: 'tessera up', address: null, databaseUrl: null };
    writeFileSync(path, JSON.stringify({ ...rest, ...facts }));
  };

  it('says who runs and where, and lets the next one in after release', () => {
    const lock = takeInstanceLock(path, 'tessera up');
    lock.update({ address: 'http://localhost:8000', databaseUrl: 'postgres://x' });
    expect(runningInstance(path)?.databaseUrl).toBe('postgres://x');
    expect(() => takeInstanceLock(path, 'tessera up')).toThrow(InstanceRunning);
    expect(() => takeInstanceLock(path, 'tessera up')).toThrow(
      /running at http:\/\/localhost:8000/,
    );
    lock.release();
    expect(runningInstance(path)).toBeNull();
    takeInstanceLock(path, 'tessera up').release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps the file from other users: it holds the address of the database', () => {
    const lock = takeInstanceLock(path, 'tessera up');
    lock.update({ databaseUrl: 'postgres://x' });
    expect(statSync(path).mode & 0o077).toBe(0);
    lock.release();
  });

  it('takes over from a process that is gone', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    leftBehind({ pid, processMark: null });
    takeInstanceLock(path, 'tessera up');
    expect(runningInstance(path)?.pid).toBe(process.pid);
  });

  it('takes over when the pid now belongs to another process', () => {
    leftBehind({ pid: process.pid, processMark: 'an earlier boot' });
    expect(runningInstance(path)).toBeNull();
    takeInstanceLock(path, 'tessera up');
    expect(runningInstance(path)?.processMark).toBe(processMark(process.pid));
  });

  it('takes over a file that was cut short', () => {
    writeFileSync(path, '{"pid": 12');
    takeInstanceLock(path, 'tessera up');
    expect(runningInstance(path)?.pid).toBe(process.pid);
  });

  it('leaves the lock of a successor alone when released late', () => {
    const early = takeInstanceLock(path, 'tessera up');
    leftBehind({ pid: process.pid, processMark: processMark(process.pid) });
    early.release();
    expect(readFileSync(path, 'utf8')).toContain('2026-01-01');
  });
});
