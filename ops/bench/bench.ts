// `npm run bench`: durable jobs per second, and how soon an idle worker gets a job, beside what Postgres can
// do at all. One Postgres, fsync and synchronous_commit on. Longer parts by flag; see README.md.
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { startServer, type Server } from './database.ts';
import type { Figures } from './load.ts';
import { compare } from './measurement.ts';
import { onTheirServer, runPeers } from './outside-peers.ts';
import { measureMemory } from './memory.ts';
import { measureRecovery } from './recovery.ts';
import { measureScaling } from './scaling.ts';
import { settings } from './settings.ts';

const PEERS = { 'pg-floor': 'floor.ts', 'in process': 'peer.ts', 'over HTTP': 'peer-http.ts' };

const FLAGS = {
  scaling: { type: 'boolean', default: false },
  recovery: { type: 'boolean', default: false },
  memory: { type: 'boolean', default: false },
  peers: { type: 'boolean', default: false },
  /** Only what the flags name. */
  only: { type: 'boolean', default: false },
} as const;

const { values: flags } = parseArgs({ options: FLAGS });

async function bench(server: Server): Promise<void> {
  if (!flags.only) {
    await showThroughput(server);
    await showLatency(server);
  }
  if (flags.scaling) show('Ten times as much', await measureScaling(server));
  if (flags.recovery) show('After kill -9', await measureRecovery(server));
  if (flags.memory) show('Memory', await measureMemory(server));
  if (flags.peers) await runPeers(server);
}

async function showThroughput(server: Server): Promise<void> {
  const figures = await compare(server, 'W1', Object.values(PEERS), settings.rounds);
  const floor = figures.get(PEERS['pg-floor'])!['jobsPerSecond']!;
  const row = (of: Figures) => ({
    'jobs/s': Math.round(of['jobsPerSecond']!),
    '× floor': rounded(of['jobsPerSecond']! / floor),
    'submits/s': Math.round(of['submitsPerSecond']!),
    'turns/job': rounded(of['turnsPerJob']),
    'commits/job': rounded(of['storeCommitsPerJob'], 3),
    'client µs/job': Math.round(of['clientMicros']!),
    'server µs/job': Math.round(of['serverMicros']!),
    'Postgres µs/job': Math.round(of['databaseMicros']!),
    jobs: of['jobs'],
  });
  show(`Throughput, ${settings.concurrency} producers and slots`, inRows(figures, row));
}

async function showLatency(server: Server): Promise<void> {
  const figures = await compare(server, 'W2', Object.values(PEERS), settings.rounds);
  const quantiles = (of: Figures, what: string) =>
    ['P50', 'P95', 'P99'].map((name) => rounded(of[`${what}${name}`])).join(' / ');
  const row = (of: Figures) => ({
    'submit → durable': quantiles(of, 'ack'),
    'submit → start': quantiles(of, 'start'),
    'submit → charged': quantiles(of, 'done'),
  });
  const title = `Latency in ms (p50 / p95 / p99), a submit every ${settings.everyMs} ms`;
  show(title, inRows(figures, row));
}

function inRows<Row>(figures: Map<string, Figures>, row: (of: Figures) => Row) {
  const rows = Object.entries(PEERS).map(
    ([name, file]) => [name, row(figures.get(file)!)] as const,
  );
  return Object.fromEntries(rows);
}

function show(title: string, rows: object): void {
  console.log(`\n${title}`);
  console.table(rows);
}

function rounded(value: number | undefined, digits = 2): number | string {
  return value === undefined ? '' : Number(value.toFixed(digits));
}

async function main(): Promise<void> {
  if (flags.peers && (await onTheirServer())) return;
  const server = await startServer();
  try {
    const cores = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`;
    console.log(`${cores}, ${Math.round(totalmem() / 2 ** 30)} GiB; Node ${process.version}`);
    console.log(`PostgreSQL: ${server.description}`);
    await bench(server);
  } finally {
    await server.stop();
  }
}

await main();
