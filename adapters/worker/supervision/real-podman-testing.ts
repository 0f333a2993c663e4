// With a real Podman and an image whose program is Node: what the small `podman` of the other tests cannot show.
// To be run as a user that is not root, whose Podman publishes ports of an internal network.
import { execFileSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineStart } from '../config/engine-start.ts';
import { systemSeams } from '../seams.ts';
import * as stage from './processes-testing.ts';

const podman = (...args: string[]) => execFileSync('podman', args, { encoding: 'utf8' }).trim();

/** Runs inside: says what it may do there, and ends when it is told to. */
const SERVER = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const life = Math.random();
  const attempt = (path) => { try { writeFileSync(path, 'x'); return 'written'; } catch (error) { return error.code; } };
  require('node:http').createServer(({ url }, response) => {
    if (url === '/die') process.exit(7);
    response.end(JSON.stringify({
      life, uid: process.getuid(),
      root: attempt('/engine'), temp: attempt('/tmp/engine'), models: attempt('/models/engine'),
      capabilities: /CapEff:\\s*(\\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1],
      routes: readFileSync('/proc/net/route', 'utf8').split('\\n').filter((line) => /^\\S+\\s0{8}\\s/.test(line)).length,
      secret: process.env.TESSERA_WORKER_KEY ?? null, token: process.env.TOKEN ?? null,
    }));
  }).listen(8080);
  process.on('SIGTERM', () => process.exit(0));
`;

interface Told {
  readonly life: number;
  readonly uid: number;
}

const startOf = (image: string, port: number, volume: string): EngineStart => ({
  by: 'podman',
  podman: {
    image,
    args: ['-e', SERVER],
    gpu: false,
    ports: [{ host: port, container: 8080 }],
    volumes: [{ host: volume, container: '/models', isWritable: false }],
    scratch: [],
    user: '1000:1000',
    network: 'internal',
    sharedMemory: '64m',
    env: { TOKEN: 'of the engine' },
  },
});

async function begin(image: string, folder: string) {
  const port = await stage.freePort();
  const entry = stage.entryOf(port, startOf(image, port, folder));
  const house = await stage.keepHouse(folder, entry, systemSeams.timers);
  onTestFinished(() => house.hosts.stop());
  const ask = async (path = '/'): Promise<Told> => {
    const url = `http://127.0.0.1:${port}${path}`;
    return (await fetch(url, { headers: { connection: 'close' } })).json() as Promise<Told>;
  };
  return { port, ask, ...house };
}

const namesOf = (all: string) => all.split('\n').filter((name) => /^tessera-\w+-held$/.test(name));
const present = () => namesOf(podman('ps', '--all', '--format={{.Names}}'));

export function describeRealPodman(image: string): void {
  test('a real container serves on loopback, and may do nothing else', async () => {
    const { hosts, logs, ask } = await begin(image, stage.folderOfTest());
    await hosts.start();
    await logs(/is up$/);
    expect(await ask()).toEqual({
      life: expect.any(Number) as number,
      ...{ uid: 1000, root: 'EROFS', temp: 'written', models: 'EROFS', routes: 0 },
      ...{ capabilities: '0'.repeat(16), secret: null, token: 'of the engine' },
    });
    expect(present()).toHaveLength(1);
    await hosts.stop();
    expect(present()).toEqual([]);
  });

  test('a real container that ended, or was killed, is followed by a new one', async () => {
    const { hosts, logs, ask } = await begin(image, stage.folderOfTest());
    const downs: string[] = [];
    hosts.all[0]!.onDown?.((reason) => void downs.push(reason));
    await hosts.start();
    await logs(/is up$/);
    const lives = [(await ask()).life];
    await ask('/die').catch(() => undefined);
    await logs(/is up$/);
    lives.push((await ask()).life);
    podman('kill', ...present());
    await logs(/is up$/);
    lives.push((await ask()).life);
    expect(new Set(lives).size).toBe(3);
    expect(downs).toEqual(['exit code 7', 'exit code 137']);
  });

  test('a real container that a killed worker left is removed by the next, and nobody else’s', async () => {
    const folder = stage.folderOfTest();
    const first = await begin(image, folder);
    await first.hosts.start();
    await first.logs(/is up$/);
    const strangers = `somebodys-${process.pid}`;
    const run = [
      'run',
      '--detach',
      '--rm',
      '--pull=never',
      '--network=none',
      `--name=${strangers}`,
    ];
    podman(...run, image, '-e', 'setInterval(() => {}, 1000)');
    onTestFinished(() => void podman('rm', '--force', '--time=0', strangers));
    const { life } = await first.ask();
    // As the next life of the same worker does it, while the old container still serves.
    const second = await begin(image, folder);
    await second.hosts.start();
    await second.logs(/Containers of an earlier worker: removed/);
    await second.logs(/is up$/);
    expect((await second.ask()).life).not.toBe(life);
    expect(podman('ps', '--format={{.Names}}').split('\n')).toContain(strangers);
  });
}
