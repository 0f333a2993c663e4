// One address in front of several runtimes, as in a real house: nginx where it is installed, else the small
// balancer of the crash suite, which does the same for connections.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startBalancer } from '../crash/balancer.ts';
import { dice } from '../crash/dice.ts';

export interface Front {
  readonly kind: 'nginx' | 'balancer';
  readonly url: string;
  close(): Promise<void>;
}

/** @param port a free one */
export async function startFront(
  ports: readonly number[],
  port: number,
  folder: string,
): Promise<Front> {
  const isInstalled = spawnSync('nginx', ['-v']).status === 0;
  return isInstalled ? startNginx(ports, port, folder) : startSmall(ports);
}

async function startSmall(ports: readonly number[]): Promise<Front> {
  const balancer = await startBalancer(ports, dice(1));
  return { kind: 'balancer', url: `http://127.0.0.1:${balancer.port}`, close: balancer.close };
}

async function startNginx(ports: readonly number[], port: number, folder: string): Promise<Front> {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(ports, port, folder));
  const nginx = spawn('nginx', ['-p', folder, '-c', file], { stdio: 'ignore' });
  await accepts(port, nginx);
  return {
    kind: 'nginx',
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const ended = once(nginx, 'exit');
      nginx.kill('SIGTERM');
      await ended;
    },
  };
}

async function accepts(port: number, nginx: ChildProcess): Promise<void> {
  for (;;) {
    if (nginx.exitCode !== null) throw new Error(`nginx ended with code ${nginx.exitCode}.`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    await delay(20);
  }
}

/**
 * `max_fails=0`: a refused connection goes to the next runtime at once, and nobody is written off for it.
 * No header says that there was a proxy: a Tessera without sign-in answers only its own machine.
 */
const configuration = (ports: readonly number[], port: number, folder: string): string => `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/logs/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  map $http_upgrade $connection_wanted { default upgrade; '' ''; }
  upstream tessera { ${ports.map((each) => `server 127.0.0.1:${each} max_fails=0;`).join(' ')} }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://tessera;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_wanted;
      proxy_connect_timeout 2s;
      proxy_buffering off;
    }
  }
}
`;
