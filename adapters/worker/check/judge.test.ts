// What is said of a machine: whole where nothing is missing, and one sentence for each thing that is.
import { expect, test } from 'vitest';
import { CARD, ENGINE, GOOD } from './facts-testing.ts';
import type { EngineFacts, Facts } from './facts.ts';
import { isReady, judge } from './judge.ts';
import { report } from './report.ts';

const troubles = (facts: Facts): string[] =>
  judge(facts)
    .filter(({ level }) => level !== 'fine')
    .map(({ level, sentence }) => `${level}: ${sentence}`);

test('where nothing is missing, that is said, with what is there', () => {
  expect(isReady(judge(GOOD))).toBe(true);
  expect(report(judge(GOOD))).toBe(`fine     Node.js 24.21.0 runs here.
fine     NVIDIA GeForce RTX 5070 Ti: 16 GiB, driver 581.42, CUDA up to 13.0.
fine     Podman 5.4.2 can run comfyui.
fine     300.0 GiB are free for models in /srv/models.
fine     90.0 GiB are free for results in /srv/tessera.
fine     comfyui answers at http://127.0.0.1:8188.
fine     The runtime answers at https://tessera.example.org.
fine     The runtime accepts the key of this worker.

Everything that this worker needs is there.`);
});

const withCard = (change: object, isWsl = false): Facts => {
  const chosen = { ...CARD, ...change };
  return {
    ...GOOD,
    machine: { ...GOOD.machine, isWsl },
    gpu: { ...GOOD.gpu, cards: [chosen], chosen },
  };
};
const noCard = (problem: 'missing' | 'fails' | 'hangs', said = '', isWsl = false): Facts => ({
  ...GOOD,
  machine: { ...GOOD.machine, isWsl },
  gpu: { ...GOOD.gpu, cards: [], chosen: null, problem, said },
});

test.each<[string, Facts, string]>([
  [
    'an old Node.js',
    { ...GOOD, machine: { ...GOOD.machine, node: '20.1.0' } },
    'missing: Node.js 20.1.0 is too old: 24 is needed. Run `npm install` once more; `npx tessera` then uses the one it brings.',
  ],
  [
    'no driver',
    noCard('missing'),
    'missing: nvidia-smi is missing. Install the NVIDIA driver of your distribution and restart the machine.',
  ],
  [
    'no driver under WSL2',
    noCard('missing', '', true),
    'missing: nvidia-smi is missing, also in /usr/lib/wsl/lib. Install the NVIDIA driver in Windows (not inside WSL2), then run `wsl --shutdown` there.',
  ],
  [
    'a driver that hangs',
    noCard('hangs'),
    'missing: nvidia-smi did not answer within 5 s: the driver hangs. Restart the machine; under WSL2 run `wsl --shutdown` in Windows.',
  ],
  [
    'a driver in trouble',
    noCard('fails', 'Failed to initialize NVML: Driver/library version mismatch'),
    'missing: nvidia-smi fails ("Failed to initialize NVML: Driver/library version mismatch"). Restart the machine; if that does not help, install the driver anew.',
  ],
  [
    'a driver too old for a Blackwell card',
    withCard({ driver: '565.57.01' }),
    "missing: The driver 565.57.01 is too old for this card, which images with CUDA 12.8 or newer are made for: 570.26 or newer is needed. Install NVIDIA's current driver on this machine and restart.",
  ],
  [
    'the same in Windows, which counts in other numbers',
    withCard({ driver: '566.36' }, true),
    "missing: The driver 566.36 is too old for this card, which images with CUDA 12.8 or newer are made for: 570.65 or newer is needed. Install NVIDIA's current driver in Windows (never inside WSL2) and restart.",
  ],
  [
    'a driver too old for CUDA 12',
    withCard({ driver: '470.256.02', computeCapability: '8.6' }),
    "missing: The driver 470.256.02 is too old for images with CUDA 12: 525.60.13 or newer is needed. Install NVIDIA's current driver on this machine and restart.",
  ],
  [
    'a card that CUDA 13 dropped',
    withCard({ name: 'GTX 1080', driver: '570.86', computeCapability: '6.1' }),
    'warning: GTX 1080 (compute capability 6.1) runs no CUDA 13 image. Choose images with CUDA 12.',
  ],
  [
    'a card that CUDA 12 dropped',
    withCard({ name: 'Tesla K40', driver: '570.86', computeCapability: '3.5' }),
    'missing: Tesla K40 (compute capability 3.5) is too old for CUDA 12 images.',
  ],
  [
    'another card asked for',
    { ...GOOD, gpu: { ...GOOD.gpu, wanted: '2', chosen: null } },
    'missing: TESSERA_GPU asks for card 2, but there are only 0 (NVIDIA GeForce RTX 5070 Ti). Change it.',
  ],
  [
    'WSL2 without the library of Windows',
    { ...GOOD, machine: { ...GOOD.machine, hasWslLibrary: false } },
    'missing: /usr/lib/wsl/lib/libcuda.so.1 is missing: WSL2 does not lend the driver of Windows. Install the driver in Windows, run `wsl --update` and `wsl --shutdown` there, and remove any Linux driver installed inside.',
  ],
  [
    'no Podman',
    { ...GOOD, podman: { ...GOOD.podman, version: null } },
    'missing: Podman is missing, and comfyui would run in it. Install it (`apt install podman`).',
  ],
  [
    'an old Podman',
    { ...GOOD, podman: { ...GOOD.podman, version: '3.4.4' } },
    'missing: Podman 3.4.4 is too old: 4.3 or newer is needed.',
  ],
  [
    'no CDI specification',
    { ...GOOD, podman: { ...GOOD.podman, hasCdiSpec: false } },
    'missing: Podman knows no graphics card: there is no CDI specification for nvidia.com/gpu. Install the NVIDIA Container Toolkit and run `sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`, again after each change of the driver.',
  ],
  [
    'no image',
    { ...GOOD, podman: { ...GOOD.podman, missingImages: ['localhost/comfyui:0.8'] } },
    'missing: The image localhost/comfyui:0.8 is not here. Build it, or run `podman pull localhost/comfyui:0.8`.',
  ],
  [
    'root',
    { ...GOOD, podman: { ...GOOD.podman, isRoot: true } },
    'warning: The worker runs as root, and so does Podman. Run both as a user of their own.',
  ],
  [
    'a full disk',
    { ...GOOD, disks: [{ what: 'models', folder: '/m', freeBytes: 3 * 1024 ** 3 }] },
    'warning: Only 3.0 GiB are free for models in /m. Make room.',
  ],
  [
    'a folder that is not there',
    { ...GOOD, disks: [{ what: 'models', folder: '/m', freeBytes: null }] },
    'missing: The folder /m (models) is not there. Make it, or name another.',
  ],
  [
    'a mistake in the file',
    { ...GOOD, file: { path: '/e', sentences: ['/e: entry 1: engine is missing.'] } },
    'missing: /e: entry 1: engine is missing.',
  ],
  [
    'a runtime that is away',
    {
      ...GOOD,
      runtime: { ...GOOD.runtime, problem: 'ECONNREFUSED', key: 'unknown', skewMs: null },
    },
    'missing: The runtime does not answer at https://tessera.example.org (ECONNREFUSED). Start it, or set TESSERA_URL to where it is.',
  ],
  [
    'a revoked key',
    { ...GOOD, runtime: { ...GOOD.runtime, key: 'refused' } },
    'missing: The runtime refuses the key of this worker: it is of another kind, was revoked, or belongs to another runtime. `tessera key enrol`, said beside the runtime, makes a token for a new one.',
  ],
  [
    'a clock that is off',
    { ...GOOD, runtime: { ...GOOD.runtime, skewMs: -95_000 } },
    'warning: The clock of this machine is 95 s behind that of the runtime. Set it right (`timedatectl set-ntp true`; under WSL2 `wsl --shutdown` in Windows helps).',
  ],
])('%s', (_, facts, sentence) => {
  expect(troubles(facts)).toEqual([sentence]);
});

test.each<[string, Partial<EngineFacts>, string[]]>([
  [
    'a server that is not there',
    { start: null, isListening: false },
    [
      'missing: Nothing answers at http://127.0.0.1:8188. Start the server of comfyui, or correct its address.',
    ],
  ],
  ['one that the worker starts', { isListening: false }, []],
  [
    'a program that is not there',
    { start: 'command', missingProgram: 'whisper-server' },
    ['missing: There is no program whisper-server. Correct start.command of comfyui.'],
  ],
  [
    'KoboldCPP, which plays ComfyUI',
    { seen: 'KoboldCPP', problem: 'another thing' },
    [
      'missing: At http://127.0.0.1:8188 answers KoboldCPP, which cannot be comfyui (comfyui). Correct the address.',
    ],
  ],
  [
    'one that cannot serve',
    { problem: 'The server says 500' },
    ['missing: comfyui at http://127.0.0.1:8188 cannot serve: The server says 500.'],
  ],
  [
    'what its workflows lack',
    { lacks: ['The model sdxl.safetensors is not in models/checkpoints.'] },
    ['missing: comfyui lacks: The model sdxl.safetensors is not in models/checkpoints.'],
  ],
  [
    'an open door',
    { isOpen: true },
    [
      'warning: comfyui listens on all interfaces: whoever reaches this machine can use it. Start it with 127.0.0.1 as its address, or close the port in the firewall.',
    ],
  ],
  [
    'another machine',
    { isRemote: true },
    [
      'warning: comfyui is on another machine: what people write goes there, and engines have no lock.',
    ],
  ],
])('of an engine: %s', (_, change, sentences) => {
  expect(troubles({ ...GOOD, engines: [{ ...ENGINE, ...change }] })).toEqual(sentences);
});

test('without engines that need one, no card and no Podman is no trouble', () => {
  const builtin: EngineFacts = {
    ...ENGINE,
    name: 'builtin',
    url: null,
    start: null,
    usesCard: false,
  };
  const bare: Facts = {
    ...noCard('missing'),
    podman: { version: null, hasCdiSpec: false, missingImages: [], isRoot: true },
    engines: [builtin],
  };
  expect(troubles(bare)).toEqual([]);
});

test('the report begins with what is missing, and counts it', () => {
  const facts: Facts = { ...noCard('missing'), runtime: { ...GOOD.runtime, key: 'none' } };
  const lines = report(judge(facts)).split('\n');
  expect(lines[0]).toMatch(/^MISSING {2}nvidia-smi is missing/);
  expect(lines.at(-1)).toBe('2 things are missing.');
  expect(isReady(judge(facts))).toBe(false);
});
