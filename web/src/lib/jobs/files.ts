// Names for downloaded files: what it shows, not what the database calls it.
import type { JobView } from '../../../../machines/contract/views.ts';

type Output = JobView['outputs'][number];

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/webp': 'webp',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'video/mp4': 'mp4',
  'video/webm': 'webm',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
  'text/plain': 'txt',
  'text/vtt': 'vtt',
  'application/x-subrip': 'srt',
  'application/json': 'json',
};

const SLUG_MAX = 48;

export function fileName(job: JobView, output: Output): string {
  const slug = job.prompt
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{Letter}\p{Number}]+/gu, '-')
    .slice(0, SLUG_MAX)
    .replaceAll(/^-+|-+$/g, '');
  const number = job.outputs.length > 1 ? `-${output.n + 1}` : '';
  const type = output.media_type.split(';')[0]?.trim() ?? '';
  return `${slug || job.modality}${number}.${EXTENSIONS[type] ?? 'bin'}`;
}

export type Showing = 'picture' | 'film' | 'sound' | 'words' | 'file';

/** How an output can be shown. An animated WebP is a picture to the browser. */
export function showingOf({ media_type: type }: Output): Showing {
  if (type.startsWith('image/')) return 'picture';
  if (type.startsWith('video/')) return 'film';
  if (type.startsWith('audio/')) return 'sound';
  if (type.startsWith('text/') || /json|subrip/.test(type)) return 'words';
  return 'file';
}

/** Facts and settings worth reading under a result. */
export function factsOf(job: JobView, output: Output | undefined): [string, string][] {
  const { width, height, seconds, facts = {} } = output ?? { facts: {} };
  const size: [string, string][] = width && height ? [['Size', `${width} × ${height}`]] : [];
  const length: [string, string][] = seconds ? [['Length', `${seconds} s`]] : [];
  const rest = Object.entries({ ...chosen(job), ...facts }).map(
    ([name, value]): [string, string] => [label(name), String(value)],
  );
  return [...size, ...length, ...rest];
}

const SHOWN_ELSEWHERE = new Set(['width', 'height', 'seconds', 'format']);

const chosen = ({ params }: JobView): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(params).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null),
  );

const label = (name: string): string =>
  (name.charAt(0).toUpperCase() + name.slice(1)).replaceAll('_', ' ');
