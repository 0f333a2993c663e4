// A small server that plays an engine's process: `node server-testing.ts PORT WAY`. Ways: `serves`, `dies`
// (at once), `deaf` (to SIGTERM), `parent` (of a child that holds the port). GET /die ends it with code 7.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const say = (line: string): unknown => process.stdout.write(`${line}\n`);

const [port = '', way = ''] = process.argv.slice(2);
say(`starting ${process.pid} ${process.env['TESSERA_WORKER_KEY'] ?? 'without our key'}`);
if (way === 'dies') {
  process.stderr.write('error: model file not found\n');
  process.exit(3);
}
if (way === 'deaf') process.on('SIGTERM', () => say('not now'));
if (way === 'parent') {
  spawn(process.execPath, [import.meta.filename, port, 'deaf'], { stdio: 'inherit' });
  setInterval(() => undefined, 60_000);
} else {
  createServer((request, response) => {
    if (request.url === '/die') process.exit(7);
    if (request.url === '/lose') say('Failed to initialize NVML: Unknown Error');
    response.end(String(process.pid));
  }).listen(Number(port), '127.0.0.1');
}
