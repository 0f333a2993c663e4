// What was learned, over restarts and damage.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createManualClock } from '../clock-testing.ts';
import { openMeasurements } from './measurement-file.ts';
import { UNLEARNED, withSample } from './measurements.ts';

async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-measured-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'measurements.json');
  const warned: string[] = [];
  const log = {
    info: () => {},
    error: () => {},
    warn: (_: object, said: string) => void warned.push(said),
  };
  const clock = createManualClock();
  return {
    folder,
    path,
    warned,
    clock,
    open: () => openMeasurements(path, { timers: clock, log, onChange: () => {} }),
  };
}

const learn = (ms: number) => (known: typeof UNLEARNED) => ({
  ...known,
  vramBytes: 5,
  loadMs: withSample(known.loadMs, ms),
});

test('keeps what was learned over a restart', async () => {
  const { open, warned } = await setUp();
  const first = open();
  first.change('a', learn(100));
  await first.close();
  const second = open();
  expect(second.of('a')).toMatchObject({
    vramBytes: 5,
    loadMs: { count: 1, mean: 100, high: 100 },
  });
  expect(second.of('b')).toEqual(UNLEARNED);
  expect(warned).toEqual([]);
});

test('writes many changes at once, and leaves no half of a file', async () => {
  const { open, folder, clock, path } = await setUp();
  const measurements = open();
  for (let ms = 0; ms < 50; ms += 1) measurements.change('a', learn(ms));
  expect(await readdir(folder)).toEqual([]);
  clock.advance(5_000);
  await measurements.close();
  expect(await readdir(folder)).toEqual(['measurements.json']);
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
    models: { a: { loadMs: { count: 50 } } },
  });
});

test.each([
  ['cut short', '{"version":1,"mod'],
  ['of another shape', '{"version":1,"models":{"a":{"vramBytes":"much"}}}'],
  ['of a later version', '{"version":2,"models":{}}'],
])('a file that is %s is set aside, and learning goes on', async (_, text) => {
  const { open, folder, path, warned } = await setUp();
  await writeFile(path, text);
  const measurements = open();
  expect(measurements.of('a')).toEqual(UNLEARNED);
  expect(warned).toEqual(['What was measured earlier is damaged; it is set aside']);
  measurements.change('a', learn(1));
  await measurements.close();
  expect(await readdir(folder)).toEqual(['measurements.json', 'measurements.json.damaged']);
});
