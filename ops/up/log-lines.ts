// What a child process says, as `up` shows it: one short line a person can read. The full JSON lines go
// to a file under TESSERA_HOME/logs, so nothing is lost by being quiet.
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';

/** The part of a pino line that is shown. */
const logLine = z.looseObject({
  level: z.number(),
  msg: z.string().default(''),
  err: z.looseObject({ message: z.string() }).optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

const INFO = 30;
const WARN = 40;
const ERROR = 50;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/** Null when the line is of no interest to a person who watches: details, and every single request. */
export function humanLine(line: string): string | null {
  const text = line.trimEnd();
  if (text === '') return null;
  const parsed = parse(text);
  // Not a log line: whatever it is (a crash, a warning of Node.js), it is worth seeing.
  if (parsed === null) return text;
  const { level, msg } = parsed;
  if (level < INFO || (level === INFO && 'req' in parsed) || 'responseTime' in parsed) return null;
  const cause = (parsed.err ?? parsed.error)?.message;
  const words = [msg, ...(cause !== undefined && !msg.includes(cause) ? [cause] : [])]
    .filter((part) => part !== '')
    .join(': ');
  if (level >= ERROR) return `error: ${words}`;
  return level >= WARN ? `warning: ${words}` : words;
}

function parse(text: string): z.infer<typeof logLine> | null {
  if (!text.startsWith('{')) return null;
  try {
    return logLine.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

export interface LogOptions {
  readonly name: string;
  readonly file: string;
  readonly show: (line: string) => void;
}

/** Passes on what streams say, for as many restarts of the child as there are. */
export function followLogs({
  name,
  file,
  show,
}: LogOptions): (streams: (Readable | null)[]) => void {
  const keep = logFile(file);
  return (streams) => {
    for (const stream of streams) {
      if (stream === null) continue;
      createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => {
        keep(line);
        const human = humanLine(line);
        if (human !== null) show(`${name.padEnd(8)} ${human}`);
      });
    }
  };
}

/** Appends lines; one older file is kept, so that logs never fill a disk. */
function logFile(path: string): (line: string) => void {
  mkdirSync(dirname(path), { recursive: true });
  const open = () => {
    const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
    // A full disk must not end what is being logged.
    stream.on('error', () => undefined);
    return stream;
  };
  let bytes = existsSync(path) ? statSync(path).size : 0;
  let stream = open();
  return (line) => {
    bytes += Buffer.byteLength(line) + 1;
    stream.write(`${line}\n`);
    if (bytes < LOG_BYTES_MAX) return;
    stream.end();
    renameSync(path, `${path}.1`);
    bytes = 0;
    stream = open();
  };
}
