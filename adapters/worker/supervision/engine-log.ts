// What an engine's process says: kept in a file of bounded size, listened to line by line.
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';

export interface EngineLog {
  readonly file: string;
  /** Passes on everything a process says until it closes its streams. */
  follow(streams: readonly (Readable | null)[]): void;
  /** Until the signal. */
  onLine(listener: (line: string) => void, signal: AbortSignal): void;
  /** The last lines of its start that speak of trouble. */
  lastWords(): string;
  /** Told at both ends of a start: after it jobs may be spoken of, and what people wrote is not repeated. */
  setStarting(isStarting: boolean): void;
  close(): void;
}

const FILE_BYTES_MAX = 8 * 1024 * 1024;
/** Progress bars are one endless line; nobody needs more of it. */
const LINE_LENGTH_MAX = 2_000;
const WORDS_KEPT = 3;
const WORDS_LENGTH_MAX = 200;
const TROUBLE =
  /error|exception|fail|cannot|can't|could not|not found|no such|unable|denied|refused|in use|memory|invalid/i;

export function openEngineLog(file: string, bytesMax = FILE_BYTES_MAX): EngineLog {
  const write = boundedFile(file, bytesMax);
  const listeners = new Set<(line: string) => void>();
  let words: string[] = [];
  let isStarting = true;
  const hear = (line: string) => {
    write.line(line);
    for (const listener of listeners) listener(line);
    if (!isStarting || !TROUBLE.test(line)) return;
    words = [...words, line.trim().slice(0, WORDS_LENGTH_MAX)].slice(-WORDS_KEPT);
  };
  return {
    file,
    follow: (streams) => streams.forEach((stream) => stream && splitLines(stream, hear)),
    onLine: (listener, signal) => {
      listeners.add(listener);
      signal.addEventListener('abort', () => listeners.delete(listener), { once: true });
    },
    lastWords: () => words.join(' / '),
    setStarting: (isNow) => {
      isStarting = isNow;
      words = [];
    },
    close: write.close,
  };
}

/** Carriage returns end lines, too: that is how progress bars are drawn. */
function splitLines(stream: Readable, hear: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split(/[\r\n]+/);
    rest = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX);
    for (const line of lines) if (line !== '') hear(line.slice(0, LINE_LENGTH_MAX));
  });
  stream.on('end', () => rest !== '' && hear(rest));
  stream.on('error', () => undefined);
}

/** One older file is kept beside it, so it never fills a disk. Only its owner may read what people wrote. */
function boundedFile(file: string, bytesMax: number) {
  mkdirSync(dirname(file), { recursive: true });
  const open = () => {
    const opened = createWriteStream(file, { flags: 'a', mode: 0o600 });
    // A full disk must not end what is being logged.
    opened.on('error', () => undefined);
    return opened;
  };
  let bytes = existsSync(file) ? statSync(file).size : 0;
  let stream = open();
  return {
    line: (line: string) => {
      // A disk that cannot keep up must not fill the memory instead.
      if (stream.writableNeedDrain) return;
      stream.write(`${line}\n`);
      bytes += Buffer.byteLength(line) + 1;
      if (bytes < bytesMax) return;
      stream.end();
      if (existsSync(file)) renameSync(file, `${file}.1`);
      bytes = 0;
      stream = open();
    },
    close: () => void stream.end(),
  };
}
