// Others' queues on the same machine and the same Postgres, by a harness that lies outside the project:
// BENCH_PEERS names its folder. Our own peers run beside its own, and it prints its tables.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Server } from './database.ts';

const THEIRS = 'pg-floor,pg-boss-notify,graphile-worker-tuned,bullmq-pg,bullmq-always,dbos,restate';

export async function runPeers(server: Server): Promise<void> {
  const folder = process.env['BENCH_PEERS'];
  if (folder === undefined || !existsSync(join(folder, 'run.mjs')))
    return console.error('Set BENCH_PEERS to the folder of the harness that runs other queues.');
  if (!existsSync(join(folder, 'node_modules')))
    return console.error(
      `The harness has nothing installed: run \`npm install\` in ${folder} first.`,
    );
  const ours = ['peer.ts', 'peer-http.ts'].map((file) =>
    fileURLToPath(new URL(file, import.meta.url)),
  );
  const peers = [process.env['PEERS'] ?? THEIRS, ...ours].join(',');
  const harness = spawn(process.execPath, ['run.mjs'], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: server.url, PEERS: peers },
    stdio: 'inherit',
  });
  await new Promise<void>((resolve, reject) =>
    harness.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`The harness ended with ${code}.`)),
    ),
  );
}
