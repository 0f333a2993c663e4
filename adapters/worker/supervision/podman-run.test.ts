// The command line, whole: what is safe about a container can be read here.
import { expect, test } from 'vitest';
import { readStart, type PodmanStart } from '../config/engine-start.ts';
import { containerEnvironment, networkArguments, runArguments } from './podman-run.ts';

function podmanOf(change: object): PodmanStart {
  const ports = [{ host: 8188, container: 8188 }];
  const start = readStart({ podman: { image: 'localhost/comfyui:0.8', ports, ...change } });
  if ('issues' in start || start.by !== 'podman') throw new Error(JSON.stringify(start));
  return start.podman;
}
const plan = (change: object = {}) => ({
  container: 'tessera-0a1b-comfyui',
  labels: { 'tessera.worker': '0a1b', 'tessera.engine': 'comfyui' },
  podman: podmanOf(change),
  device: 'nvidia.com/gpu=all',
  isRootless: true,
});

test('a container can do nothing that its engine does not need', () => {
  const volumes = [
    { host: '/srv/models', container: '/app/models' },
    { host: '/srv/output', container: '/app/output', isWritable: true },
  ];
  const args = ['--listen', '0.0.0.0'];
  const whole = { volumes, args, scratch: ['/app/temp'], env: { TOKEN: 'secret' } };
  expect(runArguments(plan(whole))).toEqual([
    'run',
    '--rm',
    '--name=tessera-0a1b-comfyui',
    '--label=tessera.worker=0a1b',
    '--label=tessera.engine=comfyui',
    '--pull=never',
    '--log-driver=none',
    '--read-only',
    '--read-only-tmpfs=true',
    '--cap-drop=all',
    '--security-opt=no-new-privileges',
    '--user=1000:1000',
    '--userns=keep-id:uid=1000,gid=1000',
    '--http-proxy=false',
    '--shm-size=2g',
    '--network=tessera-0a1b-comfyui',
    '--publish=127.0.0.1:8188:8188',
    '--tmpfs=/app/temp:rw,mode=1777',
    '--volume=/srv/models:/app/models:ro',
    '--volume=/srv/output:/app/output:rw',
    '--device=nvidia.com/gpu=all',
    '--env=HOME=/tmp',
    '--env=TOKEN',
    'localhost/comfyui:0.8',
    '--listen',
    '0.0.0.0',
  ]);
  expect(containerEnvironment(plan(whole).podman)).toEqual({ TOKEN: 'secret' });
});

test('variables that Podman obeys itself never reach it, only the container', () => {
  const env = {
    HOME: '/app',
    PATH: '/app/bin',
    XDG_DATA_HOME: '/app',
    https_proxy: 'x',
    HF_TOKEN: 's',
  };
  const { podman } = plan({ env });
  expect(containerEnvironment(podman)).toEqual({ HF_TOKEN: 's' });
  expect(runArguments(plan({ env })).filter((argument) => argument.startsWith('--env'))).toEqual([
    '--env=HOME=/app',
    '--env=PATH=/app/bin',
    '--env=XDG_DATA_HOME=/app',
    '--env=https_proxy=x',
    '--env=HF_TOKEN',
  ]);
});

test('its network leads nowhere, unless the operator says that it must', () => {
  expect(networkArguments('n')).toEqual(['network', 'create', '--internal', '--disable-dns', 'n']);
  const outbound = runArguments(plan({ network: 'outbound' }));
  expect(outbound.filter((argument) => argument.startsWith('--network'))).toEqual([]);
});

test('no card where none is wanted, and no mapping of users for root', () => {
  const args = runArguments({ ...plan(), device: null, isRootless: false });
  expect(args.filter((argument) => /^--(device|userns)/.test(argument))).toEqual([]);
  expect(args).toContain('--user=1000:1000');
});

test('arguments of the engine stand behind the image, where Podman reads none', () => {
  const args = runArguments(plan({ args: ['--privileged', '--network=host'] }));
  expect(args.slice(args.indexOf('localhost/comfyui:0.8') + 1)).toEqual([
    '--privileged',
    '--network=host',
  ]);
});
