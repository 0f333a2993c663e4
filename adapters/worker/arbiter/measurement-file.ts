// Keeps what was learned over the worker's restarts: one JSON file, written whole or not at all. It only
// saves time: what cannot be read is set aside, and learned again.
import { readFileSync, renameSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { Log, Timers } from '../seams.ts';
import { learned, UNLEARNED, type Learned } from './measurements.ts';

export interface Measurements {
  of(model: string): Learned;
  change(model: string, by: (known: Learned) => Learned): void;
  /** Writes what has not been written yet. */
  close(): Promise<void>;
}

const FILE = z.object({ version: z.literal(1), models: z.record(z.string(), learned) });
/** Many small changes are one write. */
const WRITE_AFTER_MS = 5_000;

export const measurementsInMemory = (): Measurements => {
  const models = new Map<string, Learned>();
  return {
    of: (model) => models.get(model) ?? UNLEARNED,
    change: (model, by) => void models.set(model, by(models.get(model) ?? UNLEARNED)),
    close: async () => {},
  };
};

export interface MeasurementOptions {
  readonly timers: Timers;
  readonly log: Log;
  readonly onChange: () => void;
}

export function openMeasurements(path: string, options: MeasurementOptions): Measurements {
  const { timers, log } = options;
  const models = new Map(Object.entries(read(path, log)));
  let callOff: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();

  const write = async () => {
    const text = JSON.stringify({ version: 1, models: Object.fromEntries(models) });
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    } catch (error) {
      log.warn(
        { path, error },
        'What was measured could not be kept; it is learned again next time',
      );
    }
  };
  const flush = () => {
    callOff?.();
    callOff = undefined;
    writing = writing.then(write);
    return writing;
  };
  return {
    of: (model) => models.get(model) ?? UNLEARNED,
    change: (model, by) => {
      models.set(model, by(models.get(model) ?? UNLEARNED));
      callOff ??= timers.after(WRITE_AFTER_MS, () => void flush());
      options.onChange();
    },
    close: async () => {
      if (callOff !== undefined) void flush();
      await writing;
    },
  };
}

function read(path: string, log: Log): Record<string, Learned> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ path, error }, 'What was measured earlier cannot be read; it is learned again');
    return {};
  }
  try {
    return FILE.parse(JSON.parse(text)).models;
  } catch (error) {
    const aside = `${path}.damaged`;
    log.warn({ path, aside, error }, 'What was measured earlier is damaged; it is set aside');
    try {
      renameSync(path, aside);
    } catch {
      // It is written over with the next measurement.
    }
    return {};
  }
}
