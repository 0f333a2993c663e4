// API keys: `tsr_<kind>_<secret><checksum>`. The checksum lets secret scanners and typing errors be told
// from real keys without a look-up. Only the SHA-256 is stored: the secret has 256 bits, so no slow hash.
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const KEY_KINDS = ['user', 'frontend', 'worker', 'admin'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** Whom a frontend's key may speak for. */
export const PLATFORMS = ['telegram', 'discord'] as const;
export type Platform = (typeof PLATFORMS)[number];

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const SECRET_BYTES = 32;
/** The digits that 256 bits take in base 62. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
/** Not a key: it is exchanged for one, once. */
const ENROLMENT = 'enrol';
const FORM = new RegExp(
  `^tsr_(${[...KEY_KINDS, ENROLMENT].join('|')})_([0-9A-Za-z]{${SECRET_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);
/** Long enough to walk over to the other machine. */
export const ENROLMENT_TTL_MS = 15 * 60_000;

export interface NewKey {
  readonly id: string;
  readonly kind: KeyKind;
  /** Shown once, never stored. */
  readonly key: string;
  readonly hash: Buffer;
}

/** @param platform of a frontend's key, and only of one: carried in the id, which is no secret */
export function makeKey(kind: KeyKind, platform: Platform | null = null): NewKey {
  if ((kind === 'frontend') !== (platform !== null))
    throw new Error('A frontend key, and only a frontend key, is for a platform.');
  const key = secretFor(kind);
  const id = `key_${platform === null ? '' : `${platform}_`}${makeName()}`;
  return { id, kind, key, hash: hashSecret(key) };
}

/** What a worker is given to get a key of its own. Shown once, never stored. */
export function makeEnrolment(): { id: string; token: string; hash: Buffer } {
  const token = secretFor(ENROLMENT);
  return { id: `enr_${makeName()}`, token, hash: hashSecret(token) };
}

function secretFor(kind: string): string {
  const body = `tsr_${kind}_${base62(readInteger(randomBytes(SECRET_BYTES)), SECRET_LENGTH)}`;
  return body + checksum(body);
}

const makeName = (): string => base62(readInteger(randomBytes(16)), 22);

/** Null when it is no key at all; whether it is a valid one, only the database knows. */
export function parseKey(text: string): { kind: KeyKind; hash: Buffer } | null {
  const kind = kindOf(text);
  return kind === null || kind === ENROLMENT
    ? null
    : { kind: kind as KeyKind, hash: hashSecret(text) };
}

/** Null when it is no token at all. */
export const parseEnrolment = (text: string): Buffer | null =>
  kindOf(text) === ENROLMENT ? hashSecret(text) : null;

function kindOf(text: string): string | null {
  const match = FORM.exec(text);
  return match && checksum(text.slice(0, -CHECKSUM_LENGTH)) === match[3] ? match[1]! : null;
}

export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** One worker key is one worker: whoever holds it is that worker, under any name. */
export const workerIdOf = (keyId: string): string => keyId.replace(/^key_/, 'wrk_');

/** Null for a key that is no frontend's. */
export const platformOf = (keyId: string): Platform | null =>
  PLATFORMS.find((platform) => keyId.startsWith(`key_${platform}_`)) ?? null;

/** What a browser holds in its cookie: 256 bits that mean nothing elsewhere. */
export const makeSessionSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

const checksum = (body: string): string => base62(BigInt(crc32(body)), CHECKSUM_LENGTH);

const readInteger = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = ALPHABET[Number(rest % 62n)]! + text;
  return text.padStart(length, '0');
}
