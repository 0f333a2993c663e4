// The driver's tool as it really answers (recorded layouts), by way of a fake one on the PATH.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createManualClock } from './clock-testing.ts';
import {
  askGpus,
  cardUsedBytes,
  chooseCard,
  factsOf,
  hostSeesCard,
  parseCards,
  parseCudaVersion,
} from './gpu.ts';

const MIB = 1024 * 1024;
const TWO_CARDS = [
  '0, GPU-5a0c24b6-1b3c-1f5f-9d1c-6a2f6d1d8a11, NVIDIA GeForce RTX 4080, 570.86.16, 16376, 812, 8.9',
  '1, GPU-9b77c1d2-22aa-4c1e-8a6b-0e8f5d8b1c22, NVIDIA GeForce RTX 3060, 570.86.16, 12288, 3, 8.6',
].join('\n');
const HEADER = `+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.86.16              Driver Version: 570.86.16      CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+`;

/** A tool that answers by what it is asked: the shell's `case` over all its arguments. */
function fakeTool(cases: Readonly<Record<string, string>>): void {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-smi-'));
  const branches = Object.entries(cases).map(([pattern, script]) => `${pattern}) ${script} ;;`);
  writeFileSync(
    join(folder, 'nvidia-smi'),
    `#!/bin/sh\ncase "$*" in\n${branches.join('\n')}\nesac\n`,
    {
      mode: 0o755,
    },
  );
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
}
const print = (text: string): string => `cat <<'END'\n${text}\nEND\n`;

test('every card of the machine, and the CUDA that the driver can run', async () => {
  fakeTool({ '*compute_cap*': print(TWO_CARDS), '""': print(HEADER) });
  const { cards, cudaVersion, problem } = await askGpus();
  expect({ count: cards.length, cudaVersion, problem }).toEqual({
    count: 2,
    cudaVersion: '12.8',
    problem: null,
  });
  expect(cards[1]).toEqual({
    index: 1,
    uuid: 'GPU-9b77c1d2-22aa-4c1e-8a6b-0e8f5d8b1c22',
    name: 'NVIDIA GeForce RTX 3060',
    driver: '570.86.16',
    computeCapability: '8.6',
    memoryBytes: 12288 * MIB,
    usedBytes: 3 * MIB,
  });
});

test('a driver too old for one field is asked without it', async () => {
  const old = '0, GPU-1a, NVIDIA GeForce GTX 1080, 470.256.02, 8119, 250';
  fakeTool({
    '*compute_cap*': 'echo \'Field "compute_cap" is not a valid field to query.\'; exit 2',
    '*query-gpu*': print(old),
    '""': print('| NVIDIA-SMI 470.256.02   Driver Version: 470.256.02   CUDA Version: 11.4     |'),
  });
  const { cards, cudaVersion } = await askGpus();
  expect(cards[0]).toMatchObject({ driver: '470.256.02', computeCapability: null });
  expect(cudaVersion).toBe('11.4');
});

test('what the tool does not tell stays unknown', () => {
  const [card] = parseCards('0, [N/A], NVIDIA GB10, 580.95.05, [N/A], [Not Supported], 12.1\n');
  expect(card).toMatchObject({ uuid: null, memoryBytes: null, usedBytes: null });
  expect(factsOf(card!)).toEqual({ name: 'NVIDIA GB10', vramBytes: 0 });
});

test('the header of newer drivers under WSL2', () => {
  const header = '| NVIDIA-SMI 590.44.01    KMD Version: 591.44    CUDA UMD Version: 13.1     |';
  expect(parseCudaVersion(header)).toBe('13.1');
  expect(
    parseCudaVersion('| NVIDIA-SMI 535.1 | Driver Version: 535.1 | CUDA Version: N/A |'),
  ).toBeNull();
});

test.each([
  ["NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9],
  ['Failed to initialize NVML: Driver/library version mismatch', 18],
  ['No devices were found', 6],
  ['No devices were found', 0],
])('a driver in trouble is told in its own words: %s (exit code %d)', async (words, code) => {
  fakeTool({ '*': `echo "${words}"; exit ${code}` });
  const report = await askGpus();
  expect(report).toMatchObject({ cards: [], problem: 'fails' });
  expect(report.said).toContain(words);
  expect(await hostSeesCard()).toBe(false);
});

test('no tool: no card, and nobody can tell whether there is one', async () => {
  vi.stubEnv('PATH', '/nowhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await askGpus()).toMatchObject({ cards: [], cudaVersion: null, problem: 'missing' });
  expect(await hostSeesCard()).toBeNull();
});

test('a tool that hangs, deaf to signals, is given up after five seconds', async () => {
  fakeTool({ '*': 'trap "" TERM INT; exec sleep 1000' });
  const clock = createManualClock();
  const asked = askGpus(clock);
  await clock.armed(5_000);
  clock.advance(5_000);
  expect(await asked).toMatchObject({ cards: [], problem: 'hangs' });
});

test('memory in use is asked of the chosen card', async () => {
  fakeTool({ '--id=GPU-9b*memory.used*': print('9120'), '*': 'exit 1' });
  expect(await cardUsedBytes({ uuid: 'GPU-9b', index: 1 })()).toBe(9120 * MIB);
  expect(await cardUsedBytes({ uuid: null, index: 0 })()).toBeNull();
});

test('a card is chosen by index or UUID; none is taken for another', () => {
  const cards = parseCards(TWO_CARDS);
  expect(chooseCard(cards, null)?.index).toBe(0);
  expect(chooseCard(cards, '1')?.name).toContain('3060');
  expect(chooseCard(cards, 'GPU-9b77c1d2-22aa-4c1e-8a6b-0e8f5d8b1c22')?.index).toBe(1);
  expect(chooseCard(cards, '2')).toBeUndefined();
});
