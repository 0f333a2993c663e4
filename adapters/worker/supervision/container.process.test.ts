// Containers, by way of a small `podman` on the PATH that records what it is asked and runs a real server; and by
// a real one where TESSERA_TEST_REAL_PODMAN names an image whose program is Node.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { EngineStart } from '../config/engine-start.ts';
import { processMark } from './process-mark.ts';
import * as stage from './processes-testing.ts';
import { describeRealPodman } from './real-podman-testing.ts';

interface FakePodman {
  readonly calls: () => string[];
  /** What `podman ps` lists. */
  setLeft(names: string): void;
  /** What `nvidia-smi -L` inside says, and its exit code. */
  setInside(words: string, code: number): void;
}

function fakePodman(folder: string, port: number): FakePodman {
  const at = (name: string) => join(folder, name);
  const script = `#!/bin/sh
echo "$*" >> ${at('calls')}
case "$1 $2" in
"run --rm") echo $$ > ${at('pid')}; exec ${process.execPath} ${stage.SERVER} ${port} serves ;;
stop*) kill -TERM $(cat ${at('pid')}) 2> /dev/null; exit 0 ;;
"network exists") exit 1 ;;
ps*) cat ${at('left')} ;;
exec*) cat ${at('words')}; exit $(cat ${at('code')}) ;;
esac
`;
  writeFileSync(at('podman'), script);
  chmodSync(at('podman'), 0o755);
  const fake: FakePodman = {
    calls: () =>
      existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : [],
    setLeft: (names) => writeFileSync(at('left'), names),
    setInside: (words, code) => {
      writeFileSync(at('words'), `${words}\n`);
      writeFileSync(at('code'), String(code));
    },
  };
  fake.setLeft('');
  fake.setInside('GPU 0: NVIDIA GeForce RTX 4080 (UUID: GPU-1)', 0);
  writeFileSync(
    at('nvidia-smi'),
    '#!/bin/sh\necho "GPU 0: NVIDIA GeForce RTX 4080 (UUID: GPU-1)"\n',
  );
  chmodSync(at('nvidia-smi'), 0o755);
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return fake;
}

const container = (port: number): EngineStart => ({
  by: 'podman',
  podman: {
    image: 'localhost/engine:1',
    args: [],
    gpu: true,
    ports: [{ host: port, container: 8080 }],
    volumes: [],
    scratch: [],
    user: '1000:1000',
    network: 'internal',
    sharedMemory: '2g',
    env: {},
  },
});

async function begin(before: (podman: FakePodman) => void = () => undefined) {
  const port = await stage.freePort();
  const folder = stage.folderOfTest();
  const podman = fakePodman(folder, port);
  before(podman);
  const house = await stage.keepHouse(folder, stage.entryOf(port, container(port)));
  onTestFinished(() => house.hosts.stop());
  await house.hosts.start();
  await house.logs(/is up$/);
  return { port, podman, ...house };
}

test('a container is made with a network of its own, and removed at the end', async () => {
  const { podman, hosts, port } = await begin();
  const pid = await stage.pidServing(port);
  await hosts.stop();
  expect(processMark(pid)).toBeNull();
  const name = /--name=(tessera-[0-9a-f]{12}-held)/.exec(podman.calls().join('\n'))?.[1];
  expect(podman.calls().map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
    'ps --all',
    'rm --force',
    'network exists',
    'network create',
    'run --rm',
    'stop --ignore',
    'rm --force',
  ]);
  expect(podman.calls()[3]).toBe(`network create --internal --disable-dns ${name}`);
  expect(podman.calls()[5]).toBe(`stop --ignore --time=7 ${name}`);
});

test('containers that a killed worker left are removed first, those of others never', async () => {
  const { podman } = await begin((fake) => fake.setLeft('tessera-0123456789ab-old\nsomebodys\n'));
  expect(podman.calls()[0]).toMatch(/^ps --all --filter=label=tessera\.worker=[0-9a-f]{12} /);
  expect(podman.calls()[1]).toBe('rm --force --time=5 tessera-0123456789ab-old');
});

test('one that lost the graphics card is replaced by a new one', async () => {
  const { podman, port, logs, hosts } = await begin();
  const downs: string[] = [];
  hosts.all[0]!.onDown?.((reason) => void downs.push(reason));
  const first = await stage.pidServing(port);
  podman.setInside('Failed to initialize NVML: Unknown Error', 255);
  await stage.pidServing(port, '/lose');
  await logs(/has lost the graphics card/);
  podman.setInside('GPU 0: NVIDIA GeForce RTX 4080 (UUID: GPU-1)', 0);
  await logs(/is up$/);
  expect(await stage.pidServing(port)).not.toBe(first);
  expect(downs).toEqual(['it has lost the graphics card, which the machine still has']);
  expect(podman.calls().filter((call) => call.startsWith('run'))).toHaveLength(2);
});

const image = process.env['TESSERA_TEST_REAL_PODMAN'];
if (image !== undefined) describeRealPodman(image);
