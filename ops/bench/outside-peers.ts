// Others' queues on the same machine and the same Postgres, by a harness that lies outside the project:
// BENCH_PEERS names its folder. Our own peers run beside its own, and it prints its tables.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from './database.ts';

/** The durable ones, each as fast as it goes. */
const THEIRS = 'pg-floor,pg-boss-notify,graphile-worker-tuned,bullmq-pg,bullmq-always,dbos,restate';

/** @throws when there is no harness, or nothing in it is installed */
export function harnessFolder(): string {
  const folder = process.env['BENCH_PEERS'];
  if (folder === undefined || !existsSync(join(folder, 'run.mjs')))
    throw new Error('Set BENCH_PEERS to the folder of the harness that runs other queues.');
  if (!existsSync(join(folder, 'node_modules')))
    throw new Error(`The harness has nothing installed: run \`npm install\` in ${folder} first.`);
  return folder;
}

/**
 * The whole run once more, on the Postgres that the harness starts: it reads statistics that PostgreSQL 18,
 * which we bring along, has moved. @returns false when a server was named already
 */
export async function onTheirServer(): Promise<boolean> {
  if (process.env['DATABASE_URL'] !== undefined) return false;
  const command = [process.execPath, ...process.argv.slice(1)];
  await run(join(harnessFolder(), 'with-postgres'), command, {});
  return true;
}

export async function runPeers(server: Server): Promise<void> {
  const ours = ['peer.ts', 'peer-http.ts'].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  );
  const peers = [process.env['PEERS'] ?? THEIRS, ...ours].join(',');
  const script = join(harnessFolder(), 'run.mjs');
  await run(process.execPath, [script], { DATABASE_URL: server.url, PEERS: peers });
}

async function run(command: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code}.`)),
    );
  });
}
