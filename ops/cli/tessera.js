#!/usr/bin/env node
// Starts Tessera's command line on the Node.js that package.json pins, whichever Node.js runs this file.
// Plain, old JavaScript on purpose: it must be understood by any Node.js that npm itself runs on.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const root = resolve(here, '..', '..');
const main = join(here, 'main.ts');

/** The binary inside the npm package `node`, or null while it is not installed. */
function pinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const folder = join(dirname(manifest), 'bin');
    const binary = join(folder, process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? realpathSync(binary) : null;
  } catch {
    return null;
  }
}

function runOn(node) {
  // The IPC channel tells the child when this process is gone, even by kill -9.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio });
  // Ctrl-C reaches the child by itself as well; it takes a signal repeated at once for one.
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => {
    console.error(`Node.js could not be started from ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    for (const name of signals) process.removeAllListeners(name);
    // Die of the same signal, so that whoever started us sees the same end.
    if (signal !== null) process.kill(process.pid, signal);
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

const node = pinnedNode();
if (node === null) {
  console.error(`Tessera is not installed yet: run \`npm install\` in ${root}, then try again.`);
  process.exitCode = 1;
} else if (realpathSync(process.execPath) === node) {
  await import(main);
} else {
  runOn(node);
}
