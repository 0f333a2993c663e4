// A machine on which nothing is missing; a test takes something away.
import type { GpuCard } from '../gpu.ts';
import type { EngineFacts, Facts } from './facts.ts';

const GIBIBYTE = 1024 ** 3;

export const CARD: GpuCard = {
  index: 0,
  uuid: 'GPU-1',
  name: 'NVIDIA GeForce RTX 5070 Ti',
  driver: '581.42',
  computeCapability: '12.0',
  memoryBytes: 16 * GIBIBYTE,
  usedBytes: 0,
};

export const ENGINE: EngineFacts = {
  name: 'comfyui',
  kind: 'comfyui',
  url: 'http://127.0.0.1:8188',
  start: 'podman',
  usesCard: true,
  missingProgram: null,
  isListening: true,
  seen: 'ComfyUI',
  problem: null,
  lacks: [],
  isRemote: false,
  isOpen: false,
};

export const GOOD: Facts = {
  machine: { node: '24.21.0', isWsl: true, hasWslLibrary: true },
  gpu: { cards: [CARD], cudaVersion: '13.0', problem: null, said: '', wanted: null, chosen: CARD },
  podman: { version: '5.4.2', hasCdiSpec: true, missingImages: [], isRoot: false },
  disks: [
    { what: 'models', folder: '/srv/models', freeBytes: 300 * GIBIBYTE },
    { what: 'results', folder: '/srv/tessera', freeBytes: 90 * GIBIBYTE },
  ],
  file: { path: '/srv/tessera/engines.json', sentences: [] },
  engines: [ENGINE],
  runtime: { url: 'https://tessera.example.org', problem: null, key: 'accepted', skewMs: 400 },
};
